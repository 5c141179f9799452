### Was Menschen gesagt wird, auf Deutsch.
###
### Jeder Grund hat einen Text für die Kundschaft, ein kurzes und ein langes Skript für den
### Service, und was der Service sagt und vermeidet.

## Die drei Teile, die jeder Text an die Kundschaft hat.

part-matching = Geprüfte, geeignete Rücksendungen können an jemanden in der Nähe gehen, der das Gleiche bestellt hat; das vermeidet unnötigen Versand.
part-standard-path = Für alles andere bleibt die übliche Rücksendung, wie sie ist.
part-refund = Wann und wie Sie Ihr Geld zurückbekommen, ändert sich nicht.

## Wie ein Text beginnt, je nach Entscheidung.

outcome-matched = Ihre Rücksendung geht an jemanden{ $is_nearby ->
        [yes] { " " }in der Nähe
       *[no] { "" }
    }, der den gleichen Artikel bestellt hat.
outcome-waiting = Ihre Rücksendung wird bearbeitet.
outcome-warehouse = Ihre Rücksendung nimmt den üblichen Weg.
outcome-cancelled = Ihre Rücksendung wurde storniert.

## Wie der Artikel auf den Weg kommt.

handoff-carrier-label = Sie erhalten ein Etikett; geben Sie das Paket wie gewohnt beim Paketdienst ab.
handoff-drop-off = Sie brauchen kein Etikett: Geben Sie den Artikel an einer Abgabestelle ab, wie von Ihnen gewählt.
handoff-local-handoff = Sie brauchen kein Etikett: Der Artikel wird vor Ort übergeben, wie von Ihnen gewählt.
handoff-standard = Nutzen Sie das übliche Rücksendeetikett, wie bei jeder Rücksendung.
handoff-none = Sie müssen jetzt nichts tun.

## Wo ein Paket abgegeben werden kann; die Orte folgen.

drop-off-points = Hier können Sie das Paket unter anderem abgeben:
drop-off-extended = erweiterte Öffnungszeiten

## Was der Service sagt und vermeidet, je nach Art des Grundes.

say-checks = Sagen Sie, welche Prüfung es war, dass sie für alle gleich ist und dass die übliche Rücksendung offensteht.
avoid-checks = Sagen Sie nicht, der Artikel sei abgelehnt, und raten Sie nicht, was bestanden hätte.
say-program = Sagen Sie, dass das Programm Schritt für Schritt geöffnet wird und niemandem etwas nachgetragen wird.
avoid-program = Versprechen Sie keinen Termin und bieten Sie keine Ausnahme an.
say-demand = Sagen Sie, dass es davon abhängt, wer in diesem Moment in der Nähe auf den gleichen Artikel wartet.
avoid-demand = Nennen und beschreiben Sie niemanden, der bestellt hat, und sprechen Sie nicht von Umleitung.
say-route = Sagen Sie, wohin der Artikel geht und dass dies der übliche Weg ist.
avoid-route = Nennen Sie es nicht einen Fehlschlag.
say-lifecycle = Sagen Sie, was geschehen ist und was als Nächstes geschieht; die Erstattung ist wie bei jeder Rücksendung.
avoid-lifecycle = Geben Sie niemandem die Schuld.

## Was das Programm ist, für Hilfeseiten.

help-what-it-is = Das Programm ist eine auswählende Optimierung neben dem Lager (selective optimization layer): Nur geprüfte, geeignete Rücksendungen, auf die jemand in der Nähe wartet, nehmen den kürzeren Weg, alles andere wird wie immer zurückgeschickt.
help-title = Was mit Ihrer Rücksendung geschieht
help-reasons = Warum eine Rücksendung ihren Weg nimmt

## Was in einer E-Mail um den Text steht.

email-subject = Zu Ihrer Rücksendung
email-greeting = Guten Tag,
email-closing = Wenn etwas unklar ist, antworten Sie einfach auf diese Nachricht.

## Zwei Entscheidungen nebeneinander.

difference-none = Beide Rücksendungen nahmen aus denselben Gründen denselben Weg.
difference-same-rules = Für beide Rücksendungen galten dieselben Regeln.
difference-changed-rules = Zwischen den beiden Rücksendungen hatten sich die Regeln geändert.
difference-one = Der erste Unterschied ist dieser. Bei der einen:
difference-other = Bei der anderen:
difference-no-obstacle = Das war kein Hindernis.

## Was geholfen hätte, für den Kundendienst.

change-radius = Mit einem größeren Umkreis hätte sich jemand gefunden.
change-saving = Hätte der direkte Weg mehr gespart, hätte sich jemand gefunden.
change-unit = Hätte eine Bestellung in Reichweite mehr Stück verlangt, hätte sich jemand gefunden.
change-condition = In besserem Zustand hätte sich jemand gefunden.
change-rollout = Bei einem größeren Anteil der Kundschaft wäre diese Person schon dabei.
change-cap-place = Mit mehr Plätzen zu dieser Zeit wäre der Artikel dabei gewesen.
change-place = Mit mehr erlaubten Direktwegen an diesem Tag hätte sich jemand gefunden.

## Zugeordnet und wartend

reason-matched-best-saving =
    .customer = Ihr Artikel hat seine Prüfung bestanden und geht direkt dorthin.
    .short = Jemand in Reichweite hatte den gleichen Artikel bestellt, deshalb geht er dorthin.
    .long = Der Artikel war geprüft und geeignet, und jemand in Reichweite hatte das Gleiche bestellt. Über alle Rücksendungen der Runde ist keine andere Zuordnung besser nach dem Ziel der Marke; das lässt sich aus dem Protokoll beweisen. An der Erstattung ändert sich nichts.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-awaiting-round =
    .customer = Wir sagen Ihnen rechtzeitig, welchen Weg sie nimmt.
    .short = Die Rücksendung wartet auf die nächste Entscheidung.
    .long = Über Rücksendungen wird gemeinsam entschieden, damit jede ihren besten Weg nimmt. Diese wartet und hat ihren Weg spätestens zu ihrer Frist.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }

## Prüfung

reason-verification-missing =
    .customer = Der Artikel wurde noch nicht geprüft.
    .short = Es liegt keine Prüfung des Artikels vor.
    .long = Nur geprüfte Artikel können an jemanden gehen, der bestellt hat. Dieser wurde nicht geprüft und nimmt den üblichen Weg; das Lager prüft ihn.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-verification-failed =
    .customer = Das Lager sieht sich den Artikel genauer an.
    .short = Die Prüfung hat den Artikel nicht freigegeben.
    .long = Die Prüfung betrifft den Zustand. Sie hat diesen Artikel nicht freigegeben, deshalb sieht ihn sich das Lager an, wie bei jeder Rücksendung.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-verification-pending =
    .customer = Die Prüfung des Artikels läuft noch.
    .short = Die Prüfung hat noch kein Ergebnis.
    .long = Der Artikel wird noch geprüft. Mit dem Ergebnis geht es weiter; kommt es nicht rechtzeitig, nimmt die Rücksendung den üblichen Weg.
    .say = { say-lifecycle }
    .avoid = { avoid-checks }
reason-verification-expired =
    .customer = Die Prüfung des Artikels ist zu alt, um noch zu gelten.
    .short = Die Prüfung ist älter, als die Regeln erlauben.
    .long = Eine Prüfung gilt eine begrenzte Zeit. Diese ist vorbei, deshalb prüft das Lager den Artikel noch einmal.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-verification-low-confidence =
    .customer = Das Lager sieht sich den Artikel genauer an.
    .short = Die Prüfung war nicht sicher genug.
    .long = Zu jeder Prüfung gehört, wie sicher sie ist. Diese lag unter dem, was die Warengruppe verlangt; deshalb sieht sich ein Mensch im Lager den Artikel an.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-insufficient-evidence =
    .customer = Etwas über den Artikel ist nicht bekannt.
    .short = Eine Angabe fehlt, die bekannt sein muss.
    .long = Nichts geschieht auf Verdacht: Fehlt eine wichtige Angabe, nimmt der Artikel den üblichen Weg. Die Ansicht für den Betrieb nennt sie.
    .say = { say-checks }
    .avoid = { avoid-checks }

## Eignung

reason-no-active-policy =
    .customer = Das Programm läuft zurzeit nicht.
    .short = Kein Regelwerk ist in Kraft, deshalb wird nichts zugeordnet.
    .long = Die Marke hat zurzeit kein Regelwerk in Kraft. Bis dahin nimmt jede Rücksendung den üblichen Weg.
    .say = { say-program }
    .avoid = { avoid-program }
reason-category-not-allowed =
    .customer = Das Programm umfasst diese Art von Artikeln nicht.
    .short = Die Warengruppe gehört nicht zum Programm.
    .long = Das Programm umfasst einige Arten von Artikeln und wird nach und nach geöffnet. Diese gehört nicht dazu.
    .say = { say-program }
    .avoid = { avoid-program }
reason-reason-not-allowed =
    .customer = Rücksendungen aus diesem Grund nehmen den üblichen Weg.
    .short = Der Rücksendegrund gehört nicht zum Programm.
    .long = Nur Rücksendungen aus einigen Gründen, etwa der Passform, können an jemanden gehen, der bestellt hat. Bei diesem sieht sich das Lager den Artikel zuerst an.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-condition-below-floor =
    .customer = Artikel in diesem Zustand nehmen den üblichen Weg.
    .short = Der Zustand liegt unter dem, was die Warengruppe verlangt.
    .long = Wer bestellt hat, bekommt nur Artikel in gutem Zustand. Dieser liegt darunter und geht ins Lager.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-segment-not-allowed =
    .customer = Das Programm ist noch nicht für alle offen.
    .short = Die Kundengruppe gehört noch nicht zum Programm.
    .long = Das Programm wird für eine Gruppe nach der anderen geöffnet. Diese ist noch nicht dabei.
    .say = { say-program }
    .avoid = { avoid-program }
reason-consent-missing =
    .customer = Sie haben nicht gewählt, teilzunehmen.
    .short = Der Übergabe wurde nicht zugestimmt.
    .long = Die Teilnahme ist freiwillig. Hier wurde nicht zugestimmt, also ist es eine gewöhnliche Rücksendung.
    .say = { say-program }
    .avoid = { avoid-program }
reason-customer-chose-store =
    .customer = Sie haben die Abgabe im Geschäft gewählt.
    .short = Gewählt wurde die Abgabe im Geschäft.
    .long = Die Wahl des Rückwegs geht immer vor. Dieser Artikel wird im Geschäft abgegeben.
    .say = { say-program }
    .avoid = { avoid-program }
reason-already-in-transit =
    .customer = Der Artikel ist schon unterwegs.
    .short = Der Artikel ist schon abgegeben.
    .long = Nur Artikel, die noch zu Hause liegen, können an jemanden gehen, der bestellt hat. Dieser war schon unterwegs und geht ins Lager.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-damaged =
    .customer = Das Lager sieht sich den Artikel genauer an.
    .short = Der Artikel ist beschädigt.
    .long = Beschädigte Artikel gehen nie an jemanden, der bestellt hat, unter keiner Einstellung. Das Lager kümmert sich darum.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-defective =
    .customer = Das Lager sieht sich den Artikel genauer an.
    .short = Der Artikel funktioniert nicht.
    .long = Artikel, die nicht funktionieren, gehen nie an jemanden, der bestellt hat, unter keiner Einstellung. Das Lager kümmert sich darum.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-regulated =
    .customer = Diese Art von Artikeln muss über das Lager gehen.
    .short = Gesetz oder Paketdienst schränken den Artikel ein.
    .long = Manche Artikel dürfen nach Gesetz oder Regeln des Paketdienstes nicht zwischen Privatleuten verschickt werden. Sie gehen immer über das Lager.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-fragile =
    .customer = Diese Art von Artikeln muss über das Lager gehen.
    .short = Der Artikel ist zerbrechlich.
    .long = Zerbrechliche Artikel packt das Lager; sie gehen nie direkt an jemanden, der bestellt hat.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-end-of-season =
    .customer = Die Saison des Artikels ist vorbei.
    .short = Die Saison des Artikels ist vorbei.
    .long = Am Ende seiner Saison wird ein Artikel nicht weitergegeben. Das Lager entscheidet, was mit ihm geschieht.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-custom-made =
    .customer = Der Artikel wurde für Sie gemacht.
    .short = Der Artikel wurde für eine einzelne Person gemacht.
    .long = Ein Artikel, der für eine Person gemacht wurde, passt niemand anderem und nimmt den üblichen Weg.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-multi-item-return =
    .customer = Mehrere Artikel Ihrer Bestellung kommen zusammen zurück, in einem Paket.
    .short = Mehrere Artikel der Bestellung kommen zusammen zurück.
    .long = Damit niemand mehrere Pakete packen muss, bleiben Artikel einer Bestellung, die zusammen zurückkommen, zusammen.
    .say = { say-program }
    .avoid = { avoid-program }
reason-outside-service-area =
    .customer = Das Programm läuft nicht dort, wo der Artikel ist.
    .short = Der Artikel liegt außerhalb des Programmgebiets.
    .long = Das Programm läuft in einigen Gebieten und wird Schritt für Schritt erweitert. Der Artikel liegt außerhalb.
    .say = { say-program }
    .avoid = { avoid-program }
reason-not-in-rollout =
    .customer = Das Programm ist noch nicht für alle offen.
    .short = Noch nicht im geöffneten Teil des Programms.
    .long = Das Programm beginnt mit einem einmal ausgelosten Teil der Kundschaft. Wer dabei ist, bleibt dabei, und der Teil wächst; hier ist es noch nicht so weit.
    .say = { say-program }
    .avoid = { avoid-program }
reason-program-paused =
    .customer = Das Programm macht eine Pause.
    .short = Das Programm ruht zurzeit.
    .long = Die Marke hat das Programm oder diese Art von Artikeln angehalten. Rücksendungen nehmen so lange den üblichen Weg; wer schon wartet, behält den Platz.
    .say = { say-program }
    .avoid = { avoid-program }
reason-volume-cap-reached =
    .customer = Das Programm nimmt nur eine begrenzte Zahl von Artikeln auf einmal.
    .short = Zurzeit sind so viele Artikel im Programm, wie es aufnimmt.
    .long = Um mit Bedacht zu lernen, nimmt das Programm einen festen Anteil der geeigneten Artikel. Er war voll, als dieser kam.
    .say = { say-program }
    .avoid = { avoid-program }
reason-sku-demand-too-thin =
    .customer = Diesen Artikel bestellen zurzeit zu wenige.
    .short = Den Artikel bestellen zu wenige.
    .long = Das Programm nimmt Artikel, die oft bestellt werden. Als diese Rücksendung angemeldet wurde, hatte ihr Artikel weniger Bestellungen, als die Kategorie verlangt.
    .say = { say-program }
    .avoid = { avoid-program }

reason-shadow-mode =
    .customer = Das Programm nimmt zurzeit keine Artikel.
    .short = Das Programm beobachtet zurzeit nur.
    .long = Die Marke lässt das Programm mitlaufen, um zu sehen, was es täte. Es entscheidet für niemanden etwas: Jede Rücksendung nimmt sofort den üblichen Weg.
    .say = { say-program }
    .avoid = { avoid-program }

## Nachfrage

reason-no-demand =
    .customer = Niemand wartet auf den gleichen Artikel.
    .short = Niemand hat den Artikel offen bestellt.
    .long = Eine Rücksendung geht nur dann an jemanden, wenn dieser das Gleiche bestellt hat. Das hatte niemand, als entschieden wurde.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-out-of-radius =
    .customer = Niemand, der nah genug ist, wartet auf den gleichen Artikel.
    .short = Alle, die den Artikel möchten, sind zu weit weg.
    .long = Jemand möchte den gleichen Artikel, aber weiter weg, als das Programm reicht; der Versand dorthin würde nichts sparen.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-needs-better-condition =
    .customer = Niemand, der nah genug ist, wartet auf einen Artikel in diesem Zustand.
    .short = In Reichweite wird ein besserer Zustand verlangt.
    .long = Wer bestellt, sagt, welchen Zustand er nimmt. In Reichweite wurde ein besserer verlangt.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-ships-too-soon =
    .customer = Die Bestellungen in Reichweite werden verschickt, bevor Ihr Artikel dort wäre.
    .short = Die Bestellungen in Reichweite werden zu bald verschickt.
    .long = Jede Bestellung hat ihren Termin. Die in Reichweite werden aus dem Bestand verschickt, bevor dieser Artikel übergeben werden könnte.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-released-before =
    .customer = Eine frühere Zuordnung Ihrer Rücksendung kam nicht zustande.
    .short = Die Zuordnungen in Reichweite wurden schon einmal zurückgegeben.
    .long = Ein Paar, das zugeordnet und zurückgegeben wurde, wird nicht noch einmal gebildet, damit niemand zweimal gefragt wird.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-no-label-rate =
    .customer = Für den Weg zu jemandem in Reichweite gibt es kein Etikett.
    .short = Der Paketdienst hat für den Weg keinen Preis.
    .long = Die Tabelle des Paketdienstes hat für Entfernung und Gewicht keine Zone, also gibt es kein Etikett.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-saving-below-threshold =
    .customer = Bisher ist der übliche Weg für diesen Artikel der bessere.
    .short = Der direkte Weg würde zu wenig sparen.
    .long = Der direkte Weg wird nur genommen, wo er genug Versand und Bearbeitung vermeidet. Hier wäre das nicht so.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-capacity =
    .customer = Wer auf den gleichen Artikel gewartet hat, hat zum Teil inzwischen einen.
    .short = Bestellungen in Reichweite bekamen andere Artikel.
    .long = Jemand wollte den gleichen Artikel, und eine andere Rücksendung war dafür die bessere Wahl. Über alle Rücksendungen der Runde ist keine andere Zuordnung besser nach dem Ziel der Marke; das lässt sich aus dem Protokoll beweisen.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-changed =
    .customer = Die Bestellung, für die Ihr Artikel gedacht war, hat sich geändert.
    .short = Bestellung, Artikel oder Regelwerk haben sich inzwischen geändert.
    .long = Zwischen Wahl und Zusage hat sich etwas geändert: die Bestellung, der Artikel oder das Regelwerk. Zugesagt war noch nichts, also wartet die Rücksendung weiter.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-outside-service-area =
    .customer = Das Programm läuft nicht dort, wo der Artikel gewünscht wird.
    .short = Die Bestellungen in Reichweite liegen außerhalb des Programmgebiets.
    .long = Das Programm läuft in einigen Gebieten. Wer den Artikel möchte, ist außerhalb.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-day-limit-reached =
    .customer = Das Programm nimmt eine begrenzte Zahl von Artikeln am Tag.
    .short = Der Tag hat so viele Zuordnungen, wie er haben darf.
    .long = Das Programm macht am Tag eine feste Zahl von Zuordnungen, und die waren gemacht. Um Mitternacht UTC beginnt ein neuer Tag; wartet der Artikel dann noch, nimmt er wieder teil.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-sku-limit-reached =
    .customer = Das Programm nimmt von jedem Produkt eine begrenzte Zahl am Tag.
    .short = Das Produkt hat so viele Zuordnungen, wie es an dem Tag haben darf.
    .long = Das Programm macht am Tag für jedes Produkt eine feste Zahl von Zuordnungen, und dieses Produkt hatte sie. Um Mitternacht UTC beginnt ein neuer Tag; wartet der Artikel dann noch, nimmt er wieder teil.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-zone-limit-reached =
    .customer = Das Programm nimmt in jedem Gebiet eine begrenzte Zahl von Artikeln am Tag.
    .short = Die Bestellungen in Reichweite liegen in Gebieten, die ihre Zuordnungen für den Tag haben.
    .long = Das Programm macht am Tag in jedem Gebiet eine feste Zahl von Zuordnungen. Die Gebiete, in denen der Artikel gewünscht wird, hatten sie. Um Mitternacht UTC beginnt ein neuer Tag; wartet der Artikel dann noch, nimmt er wieder teil.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-warehouse-limit-reached =
    .customer = Von jedem Lager geht am Tag nur eine begrenzte Zahl von Artikeln direkt zu jemandem, der bestellt hat.
    .short = Am Lager des Artikels gehen so viele Zuordnungen vorbei, wie es an dem Tag dürfen.
    .long = Jedes Lager behält seinen Teil der Rücksendungen; nur eine feste Zahl am Tag geht stattdessen zu jemandem, der bestellt hat. Diese Zahl war erreicht. Um Mitternacht UTC beginnt ein neuer Tag; wartet der Artikel dann noch, nimmt er wieder teil.
    .say = { say-demand }
    .avoid = { avoid-demand }

## Weg

reason-warehouse-over-capacity =
    .customer = Das Lager hat viel zu tun; Ihre Rücksendung wird trotzdem angenommen.
    .short = Das Lager hat mehr als seine Tagesmenge.
    .long = Jedes Lager für diese Warengruppe hat seine Tagesmenge. Der Artikel geht trotzdem zum günstigsten, und der Überlauf wird gemeldet.
    .say = { say-route }
    .avoid = { avoid-route }
reason-standard-warehouse-route =
    .customer = Ihre Rücksendung nimmt den Weg, den jede Rücksendung nimmt.
    .short = Es gilt der übliche Rückweg der Marke.
    .long = Kein hinterlegtes Lager nimmt die Warengruppe, also geht der Artikel den üblichen Rückweg der Marke.
    .say = { say-route }
    .avoid = { avoid-route }

## Was mit ihr geschah

reason-decide-by-reached =
    .customer = Rechtzeitig kam keine Zuordnung zustande.
    .short = Die Frist kam vor einer Zuordnung.
    .long = Eine Rücksendung wartet nur bis zu ihrer Frist. Sie ist erreicht, also nimmt der Artikel den üblichen Weg; die Erstattung ist wie bei jeder Rücksendung.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-hold-expired =
    .customer = Eine frühere Zuordnung Ihrer Rücksendung kam nicht zustande.
    .short = Die Zuordnung wurde nicht rechtzeitig bestätigt.
    .long = Eine Zuordnung wird eine begrenzte Zeit gehalten. Sie wurde nicht bestätigt, also sind Bestellung und Artikel wieder frei.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-match-released =
    .customer = Eine frühere Zuordnung Ihrer Rücksendung kam nicht zustande.
    .short = Die Zuordnung wurde zurückgegeben.
    .long = Die Zuordnung wurde vor der Bestätigung zurückgegeben, also sind Bestellung und Artikel wieder frei.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-return-cancelled =
    .customer = Es ist nichts mehr zu tun.
    .short = Die Rücksendung wurde storniert.
    .long = Die Rücksendung wurde storniert; was für sie gehalten wurde, ist wieder frei.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-planning-unavailable =
    .customer = Ihre Rücksendung nimmt den Weg, den jede Rücksendung nimmt.
    .short = Die Planung war nicht rechtzeitig verfügbar.
    .long = Rechtzeitig zu planen war nicht möglich. Keine Rücksendung wartet darauf über ihre Frist hinaus, also nimmt diese den üblichen Weg.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
