"""What people do to articles: asking for the work of a model again."""

from core.articles.redo import Asked, embed_again, summarise_again

__all__ = ["Asked", "embed_again", "summarise_again"]
