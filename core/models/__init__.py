"""One table a file. Importing this package registers them all."""

from core.models.api_token import ApiToken
from core.models.article import Article
from core.models.article_embedding import DIMENSIONS, ArticleEmbedding
from core.models.base import Base
from core.models.failed_job import FailedJob
from core.models.failed_job_action import FailedJobAction
from core.models.failure_group import FailureGroup
from core.models.failure_tally import FailureTally, FailureTallyChange
from core.models.feed import Feed
from core.models.index_build import IndexBuild
from core.models.index_measurement import IndexMeasurement
from core.models.login_failure import LoginFailure
from core.models.operation import Operation
from core.models.operation_line import OperationLine
from core.models.outbox_job import OutboxJob
from core.models.record import Record
from core.models.sample import Sample
from core.models.search_tuning import SearchTuning
from core.models.session import LoginSession
from core.models.user import UserAccount

__all__ = [
    "DIMENSIONS",
    "ApiToken",
    "Article",
    "ArticleEmbedding",
    "Base",
    "FailedJob",
    "FailedJobAction",
    "FailureGroup",
    "FailureTally",
    "FailureTallyChange",
    "Feed",
    "IndexBuild",
    "IndexMeasurement",
    "LoginFailure",
    "LoginSession",
    "Operation",
    "OperationLine",
    "OutboxJob",
    "Record",
    "Sample",
    "SearchTuning",
    "UserAccount",
]
