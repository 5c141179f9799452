### What people are told, in English.
###
### Every reason has a text for the customer, a short and a long script for support, and
### what support says and avoids. docs/MESSAGES.md says how to write your own.

## The three parts that every customer text has.

part-matching = Verified, eligible returns may go to a nearby buyer, which avoids unneeded shipping.
part-standard-path = For everything else the standard return stays as it is.
part-refund = When and how you are refunded does not change.

## How a text begins, by what was decided.

outcome-matched = Your return has been matched with a { $is_nearby ->
        [yes] nearby buyer
       *[no] buyer
    } who ordered the same item.
outcome-waiting = Your return is being looked at.
outcome-warehouse = Your return takes the standard way.
outcome-cancelled = Your return was cancelled.

## How the item leaves the customer.

handoff-carrier-label = You will get a label; drop the parcel off with the carrier as usual.
handoff-drop-off = No label is needed: leave the item at a drop-off point, as you chose.
handoff-local-handoff = No label is needed: the item is handed over locally, as you chose.
handoff-standard = Use the standard return label, as for any return.
handoff-none = There is nothing for you to do now.

## Where a parcel may be left; the places follow.

drop-off-points = You can leave the parcel here, among other places:
drop-off-extended = extended hours

## What support says and avoids, by kind of reason.

say-checks = Say which check it was, that it is the same for everybody, and that the standard return is open.
avoid-checks = Do not say that the item was rejected, and do not guess what would have passed.
say-program = Say that the programme is opened step by step and that nothing is held against the customer.
avoid-program = Do not promise when it will be open, and do not offer an exception.
say-demand = Say that it depends on who is waiting for the same item nearby at that moment.
avoid-demand = Do not name or describe any buyer, and do not say that the return was rerouted.
say-route = Say where the item goes and that this is the standard way.
avoid-route = Do not call it a failure.
say-lifecycle = Say what happened and what happens next; the refund is as for any return.
avoid-lifecycle = Do not blame the buyer or the customer.

## What the programme is, for help pages.

help-what-it-is = The programme is a selective optimization layer beside the warehouse: only verified, eligible returns with a buyer nearby take the shorter way, and everything else is returned as ever.

help-title = What happens to your return
help-reasons = Why a return takes the way it takes

## Around a customer's text in an e-mail.

email-subject = About your return
email-greeting = Hello,
email-closing = If anything is unclear, just reply to this message.

## Two decisions side by side.

difference-none = Both returns took the same way for the same reasons.
difference-same-rules = Both returns were judged by the same rules.
difference-changed-rules = The rules had changed between the two returns.
difference-one = The first difference is this. For the one:
difference-other = For the other:
difference-no-obstacle = That was no obstacle.

## What would have helped, for support.

change-radius = With a wider radius it would have had a buyer.
change-saving = Had the direct way saved more, it would have had a buyer.
change-unit = Had an order in reach been for more units, it would have had a buyer.
change-condition = In a better condition it would have had a buyer.
change-rollout = With a larger share of customers let in, this customer would be among them.
change-cap-place = With more places at that time, the item would have been let in.
change-place = With more matches allowed that day, it would have had a buyer.

## Matched and waiting

reason-matched-best-saving =
    .customer = Your item passed its check and goes straight to that buyer.
    .short = A buyer in reach had ordered the same item, so it goes there.
    .long = The item was verified and eligible, and somebody in reach had an open order for the same thing. Across all returns of the round no other assignment is better by the brand's objective; this can be proven from the record. Nothing changes about the refund.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-awaiting-round =
    .customer = We will tell you the way it takes in time.
    .short = The return waits for the next decision.
    .long = Returns are decided together, so that each can take its best way. This one waits its turn and has its way by its deadline at the latest.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }

## Verification

reason-verification-missing =
    .customer = The item has not been checked.
    .short = There is no check of the item on record.
    .long = Only items that were checked may go to a buyer. This one was not, so it takes the standard way, where the warehouse checks it.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-verification-failed =
    .customer = The warehouse will have a closer look at the item.
    .short = The check did not clear the item for a buyer.
    .long = The check looks at the item's condition. It did not clear this one to go to a buyer, so the warehouse looks at it, as with any return.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-verification-pending =
    .customer = The check of the item is not finished yet.
    .short = The check has no result yet.
    .long = The item is still being checked. As soon as there is a result the return goes on, and if there is none in time it takes the standard way.
    .say = { say-lifecycle }
    .avoid = { avoid-checks }
reason-verification-expired =
    .customer = The item's check is too old to count.
    .short = The check is older than the rules allow.
    .long = A check counts for a limited time, since items change hands and get used. This one is past it, so the warehouse checks the item again.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-verification-low-confidence =
    .customer = The warehouse will have a closer look at the item.
    .short = The check was not sure enough.
    .long = A check comes with how sure it is. This one was below what the category asks, so a person in the warehouse looks at the item.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-insufficient-evidence =
    .customer = Something about the item is not known.
    .short = A fact that has to be known is missing.
    .long = Nothing moves on a guess: where a fact that matters is not known, the item takes the standard way. The operator's view names the fact.
    .say = { say-checks }
    .avoid = { avoid-checks }

## Eligibility

reason-no-active-policy =
    .customer = The programme is not running.
    .short = No policy is in force, so nothing is matched.
    .long = The brand has no policy in force at present. Until it has, every return takes the standard way.
    .say = { say-program }
    .avoid = { avoid-program }
reason-category-not-allowed =
    .customer = The programme does not cover this kind of item.
    .short = The category is not part of the programme.
    .long = The programme covers a few kinds of items and is opened to more one at a time. This kind is not among them.
    .say = { say-program }
    .avoid = { avoid-program }
reason-reason-not-allowed =
    .customer = Returns for this reason take the standard way.
    .short = The return reason is not part of the programme.
    .long = Only returns for some reasons, such as fit, may go to a buyer. For this one the warehouse looks at the item first.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-condition-below-floor =
    .customer = Items in this condition take the standard way.
    .short = The condition is below what the category asks.
    .long = Buyers get items in good condition only. This one is graded below what the category asks, so it goes to the warehouse.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-segment-not-allowed =
    .customer = The programme is not open to every customer yet.
    .short = The customer's group is not part of the programme yet.
    .long = The programme is opened to groups of customers one after the other. This customer's is not among them yet.
    .say = { say-program }
    .avoid = { avoid-program }
reason-consent-missing =
    .customer = You did not choose to take part.
    .short = The customer did not agree to a hand-over.
    .long = Taking part is a choice. This customer did not agree, so the return is an ordinary one.
    .say = { say-program }
    .avoid = { avoid-program }
reason-customer-chose-store =
    .customer = You chose to bring it to a store.
    .short = The customer chose the store.
    .long = The customer's choice of a way to return always comes first. This one is brought to a store.
    .say = { say-program }
    .avoid = { avoid-program }
reason-already-in-transit =
    .customer = The item is on its way already.
    .short = The item has left the customer.
    .long = Only items that are still with the customer may go to a buyer. This one had left, so it goes on to the warehouse.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-damaged =
    .customer = The warehouse will have a closer look at the item.
    .short = The item is damaged.
    .long = Damaged items never go to a buyer, whatever the settings. The warehouse looks after it.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-defective =
    .customer = The warehouse will have a closer look at the item.
    .short = The item does not work.
    .long = Items that do not work never go to a buyer, whatever the settings. The warehouse looks after it.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-regulated =
    .customer = This kind of item has to go through the warehouse.
    .short = Law or carrier rules restrict the item.
    .long = Some items may not be sent between people by law or by the carrier's rules. They always go through the warehouse.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-fragile =
    .customer = This kind of item has to go through the warehouse.
    .short = The item breaks easily.
    .long = Items that break easily are packed by the warehouse and never go straight to a buyer.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-end-of-season =
    .customer = The item's season is over.
    .short = The item's season is over.
    .long = At the end of its season an item is kept back and not sent to a buyer. The warehouse decides what becomes of it.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-item-custom-made =
    .customer = The item was made for you.
    .short = The item was made for one customer.
    .long = An item that was made for one customer suits nobody else, so it takes the standard way.
    .say = { say-checks }
    .avoid = { avoid-checks }
reason-multi-item-return =
    .customer = Several items of your order come back together, in one parcel.
    .short = Several items of the order come back together.
    .long = So that nobody has to make up several parcels, items of an order that come back together stay together.
    .say = { say-program }
    .avoid = { avoid-program }
reason-outside-service-area =
    .customer = The programme does not run where the item is.
    .short = The item is outside the area of the programme.
    .long = The programme runs in some areas and is opened to more step by step. The item is outside all of them.
    .say = { say-program }
    .avoid = { avoid-program }
reason-not-in-rollout =
    .customer = The programme is not open to every customer yet.
    .short = The customer is not in the rollout yet.
    .long = The programme starts with a share of customers, drawn once. Whoever is in stays in, and the share grows; this customer is not in yet.
    .say = { say-program }
    .avoid = { avoid-program }
reason-program-paused =
    .customer = The programme has a break.
    .short = The programme is paused for now.
    .long = The brand has paused the programme, or this kind of item. Returns take the standard way meanwhile; those that waited already keep their place.
    .say = { say-program }
    .avoid = { avoid-program }
reason-volume-cap-reached =
    .customer = The programme takes a limited number of items at a time.
    .short = As many items as the programme takes for now are in it.
    .long = To learn with care, the programme takes a fixed share of eligible items. The share was full when this one came.
    .say = { say-program }
    .avoid = { avoid-program }
reason-sku-demand-too-thin =
    .customer = Too few people order this item at the moment.
    .short = Too few people order the SKU.
    .long = The programme takes items that people order often. When this return was submitted, its SKU had fewer orders than the category asks for.
    .say = { say-program }
    .avoid = { avoid-program }

reason-shadow-mode =
    .customer = The programme takes no items for now.
    .short = The programme only observes for now.
    .long = The brand lets the programme run along to see what it would do. It decides nothing for anybody: every return takes the standard way at once.
    .say = { say-program }
    .avoid = { avoid-program }

## Demand

reason-no-demand =
    .customer = Nobody is waiting for the same item.
    .short = Nobody has an open order for the item.
    .long = A return goes to a buyer only if somebody has ordered the same thing. Nobody had when this one was decided.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-out-of-radius =
    .customer = Nobody close enough is waiting for the same item.
    .short = Everybody who wants the item is too far away.
    .long = Somebody wants the same item, but further away than the programme goes, so that shipping there would save nothing.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-needs-better-condition =
    .customer = Nobody close enough is waiting for an item in this condition.
    .short = The buyers in reach want a better condition.
    .long = Buyers say which condition they take. Those in reach asked for a better one than this item has.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-ships-too-soon =
    .customer = The orders in reach are shipped before your item could get there.
    .short = The orders in reach ship too soon.
    .long = A buyer's order has its own date. Those in reach are shipped from stock before this item could be handed over.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-released-before =
    .customer = An earlier match of your return did not come about.
    .short = The buyers in reach were matched with it and released before.
    .long = A pair that was matched and given back is not made again, so that nobody is asked twice.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-no-label-rate =
    .customer = There is no label for the way to a buyer in reach.
    .short = The carrier has no rate for the way.
    .long = The carrier's table has no zone for the distance and weight, so there is no label to send it with.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-saving-below-threshold =
    .customer = So far the standard way is the better one for this item.
    .short = The direct way would save too little.
    .long = The direct way is taken only where it avoids enough shipping and handling. Here it would not.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-capacity =
    .customer = Some of those who were waiting for the same item have one by now.
    .short = Buyers in reach got other items.
    .long = Somebody wanted the same item, and another return was the better choice for them. Across all returns of the round no other assignment is better by the brand's objective; this can be proven from the record.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-changed =
    .customer = The order that your item was meant for has changed.
    .short = The order, the item or the policy changed meanwhile.
    .long = Between the choice and the promise something changed: the buyer's order, the item, or the policy. Nothing had been promised yet, so the return goes on waiting.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-demand-outside-service-area =
    .customer = The programme does not run where the item is wanted.
    .short = The buyers in reach are outside the area of the programme.
    .long = The programme runs in some areas. Those who want the item are outside of them.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-day-limit-reached =
    .customer = The programme takes a limited number of items a day.
    .short = As many matches as the day may have are made.
    .long = The programme makes a fixed number of matches a day, and the day had them. A new day begins at midnight UTC; if the item still waits then, it takes part again.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-sku-limit-reached =
    .customer = The programme takes a limited number of each product a day.
    .short = As many matches as the product may have that day are made.
    .long = The programme makes a fixed number of matches a day for each product, and this product had them. A new day begins at midnight UTC; if the item still waits then, it takes part again.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-zone-limit-reached =
    .customer = The programme takes a limited number of items a day in each area.
    .short = The buyers in reach are in areas that have their matches for the day.
    .long = The programme makes a fixed number of matches a day in each area. The areas of those who want the item had them. A new day begins at midnight UTC; if the item still waits then, it takes part again.
    .say = { say-demand }
    .avoid = { avoid-demand }
reason-warehouse-limit-reached =
    .customer = Each warehouse sends a limited number of items a day straight to buyers.
    .short = As many matches as may pass the item's warehouse that day are made.
    .long = Each warehouse keeps its share of the returns, so only a fixed number a day goes to buyers instead. That number was reached. A new day begins at midnight UTC; if the item still waits then, it takes part again.
    .say = { say-demand }
    .avoid = { avoid-demand }

## Route

reason-warehouse-over-capacity =
    .customer = The warehouse is busy; your return is accepted all the same.
    .short = The warehouse has more than its daily number.
    .long = Every warehouse that takes the category has its number for the day. The item goes to the cheapest all the same, and the overflow is reported.
    .say = { say-route }
    .avoid = { avoid-route }
reason-standard-warehouse-route =
    .customer = Your return goes the way that every return goes.
    .short = The brand's standard route applies.
    .long = No stored warehouse takes the category, so the item goes by the brand's standard return.
    .say = { say-route }
    .avoid = { avoid-route }

## What happened to it

reason-decide-by-reached =
    .customer = No match came about in time.
    .short = The deadline came before a match did.
    .long = A return waits for a match only until its deadline. It came, so the item takes the standard way; the refund is as for any return.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-hold-expired =
    .customer = An earlier match of your return did not come about.
    .short = The match was not confirmed in time.
    .long = A match is held for a limited time. It was not confirmed, so the buyer's order and the item are free again.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-match-released =
    .customer = An earlier match of your return did not come about.
    .short = The match was given back.
    .long = The match was given back before it was confirmed, so the buyer's order and the item are free again.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-return-cancelled =
    .customer = There is nothing left to do.
    .short = The return was cancelled.
    .long = The return was cancelled; whatever was held for it is free again.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
reason-planning-unavailable =
    .customer = Your return goes the way that every return goes.
    .short = Planning was not available in time.
    .long = Planning could not be done in time. No return waits for it beyond its deadline, so this one takes the standard way.
    .say = { say-lifecycle }
    .avoid = { avoid-lifecycle }
