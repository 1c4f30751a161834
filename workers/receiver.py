"""taskiq's receiver, without its waiting line: the broker yields only jobs that have a free slot."""

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import taskiq.receiver


class Receiver(taskiq.receiver.Receiver):
    """Starts each job as soon as it arrives, so that small ones begin, and end, together."""

    async def listen(self, finish_event: asyncio.Event) -> None:
        """Runs jobs until `finish_event` is set; what runs then has `wait_tasks_timeout` seconds to end."""
        await self.broker.startup()
        running: set[asyncio.Task[Any]] = set()
        listening = asyncio.create_task(self._start_jobs(running))
        finishing = asyncio.create_task(finish_event.wait())
        # Should listening end by a mistake, so does this process, to be replaced.
        await asyncio.wait({listening, finishing}, return_when=asyncio.FIRST_COMPLETED)
        finishing.cancel()
        listening.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await listening
        finally:
            if running:
                await asyncio.wait(running, timeout=self.wait_tasks_timeout)

    async def _start_jobs(self, running: set[asyncio.Task[Any]]) -> None:
        async with aclosing(self.broker.listen()) as messages:
            async for message in messages:
                job = asyncio.create_task(self.callback(message))
                running.add(job)
                job.add_done_callback(running.discard)
