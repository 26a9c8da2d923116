"""A real signalling node in the test's own event loop: real store, real relay process, real UDP."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from b2bua.runtime.signalling import Signalling
from config.settings import Settings
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.store import Store, open_store
from tests.media.relay.process import environment
from tests.runtime.media_host import FakeMediaHost
from tests.runtime.phone import DEADLINE, Phone
from tests.support.addresses import fresh_address, fresh_network

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
USERS = {"anna": "201", "bert": "202", "carl": "203"}


def company(
    *names: str, tables: str = "", keys: str = "", password: str = "{name} secret", action: str = "voicemail"
) -> str:
    """A company file: anna, bert and carl with extensions, unanswered calls to voicemail after a second."""
    users = "\n".join(
        f'[[customers.users]]\nname = "{name.title()}"\nemail = "{name}@acme.example"\n'
        f'extension = "{USERS[name]}"\nsoft_clients = [{{ username = "{name}", password = "'
        f'{password.format(name=name)}" }}]\n{keys}\n'
        f'[customers.users.not_answered]\naction = "{action}"\nafter = 1\n{tables}\n'
        for name in (names or USERS)
    )
    return f'[[customers]]\nname = "Acme Ltd"\nnumbers = ["+441632960100"]\n{users}'


async def until(condition: Callable[[], Any], what: str = "it", seconds: float = DEADLINE) -> None:
    """Wait for a condition that has no event of its own."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise TimeoutError(f"waited in vain for {what}") from None


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="rp-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def relay_process(data: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real relay, ready."""
    settings = {"media__ports": "20000-20799", "media__sessions": "100"}
    process = subprocess.Popen(
        [sys.executable, "-m", "media.relay"],
        stdout=subprocess.PIPE,
        env=environment(data, address, settings),
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert b"process.ready" in line, line
        yield process
    finally:
        process.kill()
        process.wait()


class Node:
    """A node that can be stopped and started again on the same data and address."""

    def __init__(self, folder: Path, relay: Path, **tables: dict[str, Any]) -> None:
        self.folder = folder
        self.address = fresh_address()
        self.sip = (self.address, 5060)
        self.run_dir = folder / "run"
        self.run_dir.mkdir(parents=True, mode=0o700)
        (self.run_dir / "relay.sock").symlink_to(relay)
        chosen: dict[str, dict[str, Any]] = {
            "sip": {"udp": f"{self.address}:5060"},
            "media": {
                "ports": "20000-20799",
                "sessions": 100,
                "worker_network": fresh_network(),
                "address": self.address,
            },
            "calls": {"drain": 0},
        }
        for name, table in tables.items():
            chosen[name] = chosen.get(name, {}) | table
        self.settings = Settings(data_dir=folder, run_dir=self.run_dir, **chosen)  # type: ignore[arg-type]
        self.media: FakeMediaHost | None = None
        self.phones: list[Phone] = []
        self.work: asyncio.Task[None] | None = None

    async def prepare(self, text: str = "") -> None:
        """Everything that the node needs but itself."""
        self.store: Store = await open_store(self.folder, CHEAP)
        await self.apply(text or company())
        self.media = await FakeMediaHost.start(self.run_dir / "media.sock", self.sip)

    async def start(self) -> None:
        self.signalling = Signalling(self.settings, self.store)
        await asyncio.wait_for(self.signalling.begin(), DEADLINE)
        self.work = asyncio.create_task(self.signalling.run())
        await asyncio.sleep(0)  # what never began would not clean up after itself

    async def stop(self) -> None:
        """As the process does on SIGTERM."""
        await self.signalling.stop()
        await self.kill()
        await self.signalling.writer.flush()

    async def kill(self) -> None:
        """As a crash does: nothing is written any more."""
        assert self.work is not None
        self.work.cancel()
        await asyncio.wait({self.work})
        await asyncio.sleep(0)

    async def close(self) -> None:
        for phone in self.phones:
            phone.close()
        if self.work is not None:
            await self.kill()
        if self.media is not None:
            self.media.die()
            self.media.worker.close()
        await self.store.close()

    async def apply(self, text: str) -> None:
        await apply_changes(self.store, parse_company_file(text), prune=True)

    async def phone(self, username: str, address: str = "", *, registered: bool = True) -> Phone:
        phone = await Phone.start(username, self.sip, address)
        self.phones.append(phone)
        if registered:
            assert (await phone.register()).code == 200
            phone.respond(await phone.request("NOTIFY"), 200)
        return phone


@asynccontextmanager
async def running_node(relay: Path, text: str = "", **tables: dict[str, Any]) -> AsyncIterator[Node]:
    """A node that serves this company; `tables` are settings."""
    with short_folder() as folder:
        node = Node(folder, relay, **tables)
        await node.prepare(text)
        try:
            await node.start()
            yield node
        finally:
            await node.close()
