"""Servers on one store, with callers that ask until they are answered."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matcher.domain.errors import NearturnError, UnavailableError
from matcher.engine.changes import Changes
from matcher.engine.commands import Command
from matcher.engine.limits import ShardLimits
from matcher.engine.records import ReturnRecord
from matcher.engine.shard import Shard
from server.runtime.shard_host import ShardHost
from server.runtime.work import Done, Work
from server.storage.database import Database
from server.storage.lease import Lease
from tests.scenarios import NOW_US, TENANT, MemoryStore
from tests.simulation.cluster.disk import CrashError, Disk, Fault
from tests.simulation.cluster.node import TTL_US, Node

# A caller that is refused so often in a row would never be answered.
_TRIES_MAX = 200


@dataclass(frozen=True)
class Request:
    """A write that a caller may send more than once, always the same."""

    request_id: str
    command: Command

    def work(self) -> Work:
        """Return it as work for a shard."""

        def run(shard: Shard, now_us: int) -> bytes:
            return pickle.dumps(shard.apply(self.command, now_us))

        return Work(TENANT, run, self.request_id, repr(self.command), self.command)


class Cluster:
    """
    Two servers, of which one decides, and all that may befall them.

    Seen from outside it is one shard: it takes a command and gives its answer, after
    as many crashes, hand-overs and repetitions as the seed has in store.

    Parameters
    ----------
    database
        Where everything is kept; a real one.
    rng
        Says what happens.
    limits
        Of the shards.
    host_type, disk_type
        Parts that tests of the tests put wrong ones in for.
    """

    def __init__(
        self,
        database: Database,
        rng: random.Random,
        limits: ShardLimits,
        *,
        host_type: type[ShardHost] = ShardHost,
        disk_type: type[Disk] = Disk,
    ) -> None:
        self.now_us = self._latest_us = NOW_US
        self.is_still: Callable[[], bool] = lambda: False
        self.fresh = Changes()
        self.history: list[Changes] = []
        self.store = MemoryStore()
        self.met: Counter[str] = Counter()
        self.disk = disk_type(database, self._committed)
        self._rng = rng
        self._limits = limits
        self._host_type = host_type
        self._mono_us = 0
        self._epoch = 0
        self._started = 0
        self._requests = 0
        self._answered: list[tuple[Request, bytes]] = []
        self._nodes = [self._node(), self._node()]
        self._owner()

    # --- As one shard ------------------------------------------------------------

    @property
    def shard(self) -> Shard:
        """The shard of whoever owns it."""
        return self._owner().shard()

    def apply(self, command: Command) -> object:
        """Send a command until it is answered."""
        found = self.outcome(command)
        if isinstance(found, tuple) and found and isinstance(found[0], type):
            raise found[0](found[1])
        return found

    def outcome(self, command: Command) -> object:
        """Return the answer, or the refusal by class and words."""
        self._requests += 1
        request = Request(f"q{self._requests}", command)
        self._build_in_time()
        for _ in range(_TRIES_MAX):
            self._weather()
            done = self._send(request)
            if done is None or isinstance(done.error, UnavailableError):
                self._beat()
                continue
            if self._chance(0.1):
                self.met["answer lost"] += 1
                continue
            if isinstance(done.error, NearturnError):
                return type(done.error), str(done.error)
            if done.error is not None:
                raise done.error
            assert isinstance(done.value, bytes)
            self._answered.append((request, done.value))
            return pickle.loads(done.value)  # noqa: S301 - written a line ago
        raise AssertionError(f"nobody answers {command}")

    def commit(self) -> None:
        """Commit what the owner's shard has changed."""
        self._owner().commit()

    def taken(self) -> Changes:
        """Return what was committed since the last call."""
        fresh, self.fresh = self.fresh, Changes()
        return fresh

    def restart(self) -> None:
        """Lose the memory of whoever owns the shard, one way or another."""
        node = self._owner()
        if self._chance(0.5):
            self._kill(node)
        else:
            self.take_over()
            self._nodes.remove(node)
            self._nodes.append(self._node())

    def take_over(self) -> Node:
        """Let the owner sleep until the shard is another's; return who slept."""
        old = self._owner()
        old.is_asleep = True
        for node in self._nodes:
            node.is_asleep = node is old
        # Not who believes to be it: one may have slept through its own succession.
        while self._holder() == old.name:
            self._beat()
        old.is_asleep = False
        self.met["taken over"] += 1
        return old

    def item(self, return_id: str = "r1") -> ReturnRecord:
        """Return a committed return item."""
        return next(
            record
            for key, record in self.store.rows.returns.items()
            if key == return_id
        )

    def check_disk(self) -> None:
        """Compare what the store has with what its commits said (I4, I12)."""
        assert self.disk.load(TENANT) == self.store.load()

    # --- What befalls it -----------------------------------------------------------

    def _send(self, request: Request) -> Done | None:
        node = self._rng.choice([each for each in self._nodes if not each.is_asleep])
        group, at, again = [request.work()], 0, self._repetition()
        if again is not None:
            at = self._rng.randrange(2)
            group.insert(1 - at, again[0].work())
        if not self._is_calm():
            self.disk.next_fault = self._fault()
        try:
            done = node.process(group)
        except CrashError:
            self.met["crashed"] += 1
            self._kill(node)
            return None
        finally:
            self.disk.next_fault = None
        if again is not None:
            self._check_repeated(
                again, done[group[0].request_id != again[0].request_id]
            )
        return done[group[0].request_id != request.request_id]

    def _fault(self) -> Fault | None:
        if not self._chance(0.15):
            return None
        fault = self._rng.choice(list(Fault))
        self.met[fault.name] += 1
        return fault

    def _repetition(self) -> tuple[Request, bytes] | None:
        # A copy of an old message that comes late. One whose answer was erased with
        # the personal data in it is not known any more.
        if not self._answered or not self._chance(0.1):
            return None
        request, answer = self._rng.choice(self._answered)
        if self.disk.answer(TENANT, request.request_id) is None:
            return None
        self.met["repeated"] += 1
        return request, answer

    def _check_repeated(self, again: tuple[Request, bytes], done: Done) -> None:
        if not isinstance(done.error, UnavailableError):
            assert done.error is None, done.error
            assert done.value == again[1], "another answer to the same request"

    def _weather(self) -> None:
        if self._is_calm():
            return
        if self._chance(0.02):
            self.take_over()
        elif self._chance(0.02):
            self._kill(self._rng.choice(self._nodes))
        elif self._chance(0.02):
            node = self._owner()
            node.leave()
            self.met["left in order"] += 1
            self._beat()
        elif self._chance(0.1):
            self._beat()

    def _is_calm(self) -> bool:
        return self.now_us < self._latest_us or self.is_still()

    def _build_in_time(self) -> None:
        # A shard that is built while the clock is behind cannot know that it is.
        self._latest_us = max(self._latest_us, self.now_us)
        if self.now_us < self._latest_us:
            behind_us, self.now_us = self.now_us, self._latest_us
            self._owner().shard()
            self.now_us = behind_us

    def _owner(self) -> Node:
        # Who believes to be it and may be wrong is found out by the next write.
        for _ in range(_TRIES_MAX):
            awake = [each for each in self._nodes if not each.is_asleep]
            holder = self._holder()
            for node in awake:
                if node.is_owner and holder == node.name:
                    return node
            self._beat()
        raise AssertionError("nobody owns the shard")

    def _holder(self) -> str:
        state = self.disk.leases().state(TENANT)
        return state.holder if state else ""

    def _beat(self) -> None:
        self._mono_us += TTL_US // 4
        for node in self._nodes:
            node.beat()

    def _kill(self, node: Node) -> None:
        self._nodes.remove(node)
        self._nodes.append(self._node())
        self.met["started anew"] += 1

    def _node(self) -> Node:
        self._started += 1
        return Node(
            self.disk,
            f"n{self._started}",
            clock=lambda: self.now_us,
            monotonic=lambda: self._mono_us,
            limits=self._limits,
            host_type=self._host_type,
        )

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _committed(self, changes: Sequence[Changes], leases: Sequence[Lease]) -> None:
        # No owner of before writes after one that came later.
        for lease in leases:
            assert lease.epoch >= self._epoch, "an old owner wrote"
            self._epoch = lease.epoch
        for each in changes:
            self.fresh.add(each)
            self.history.append(each)
            self.store.commit(each)
