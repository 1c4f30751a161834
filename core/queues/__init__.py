"""The queues: Redis streams that hand each job to one worker at a time. docs/delivery.md says what they promise."""

from core.queues.beats import RunningJob, SchedulerBeat, WorkerBeat, scheduler_beat, worker_beats
from core.queues.client import RedisFacts, connect, redis_errors, server_facts
from core.queues.depth import QueueDepth, depths
from core.queues.enqueueing import enqueue
from core.queues.jobs import Job, crawl_feed, generate_embeddings, generate_summary, run_operation
from core.queues.keys import QUEUES
from core.queues.pausing import pause, resume
from core.queues.purging import Purged, purge

__all__ = [
    "QUEUES",
    "Job",
    "Purged",
    "QueueDepth",
    "RedisFacts",
    "RunningJob",
    "SchedulerBeat",
    "WorkerBeat",
    "connect",
    "crawl_feed",
    "depths",
    "enqueue",
    "generate_embeddings",
    "generate_summary",
    "pause",
    "purge",
    "redis_errors",
    "resume",
    "run_operation",
    "scheduler_beat",
    "server_facts",
    "worker_beats",
]
