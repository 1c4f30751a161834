"""Plain text out of markup, broken markup and attacks."""

import pytest

from core.pipeline.text import TEXT_LIMIT, html_to_text, one_line, plain_text, shortened


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a\nb\nc"),
        ("<h1>Title</h1>text <b>bold</b>, <i>slanted</i>.", "Title\ntext bold, slanted."),
        ("one\n two\t\u00a0three", "one two three"),
        ("AT&amp;T &lt;3 caf&eacute; &#8217; &#x1F600;", "AT&T <3 café ’ 😀"),
        ("a < b and c > d", "a < b and c > d"),
        ("<script>alert(1)</script>seen<style>p{}</style>", "seen"),
        ("<p>seen<svg><text>drawn</text></svg></p><iframe>x</iframe>", "seen"),
        ("<title>head</title>body", "body"),
        ("<p>unclosed <b>bold <p>next", "unclosed bold\nnext"),
        ('<img src=x onerror="alert(1)" alt="a picture">seen', "seen"),
        ("<a href='javascript:alert(1)'>link</a>", "link"),
        ("<!-- a comment -->seen", "seen"),
        ("<![CDATA[seen]]>", ""),
        ("a\x00b\x1b[31mc\ud800d\u202ee", "abc".replace("bc", "b[31mc") + "de"),
        ("form\ffeed", "form feed"),
        ("", ""),
        ("<p></p>  <p> </p>", ""),
    ],
)
def test_markup_becomes_the_words_that_a_reader_would_see(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_a_text_without_an_end_is_cut_at_the_limit() -> None:
    assert len(html_to_text("<p>word " * 100_000)) == TEXT_LIMIT
    assert len(plain_text("word " * 100_000)) == TEXT_LIMIT


def test_plain_text_keeps_what_looks_like_markup() -> None:
    assert plain_text("use <b> for\r\n\r\n bold &amp; so") == "use <b> for\nbold &amp; so"


@pytest.mark.parametrize(
    ("title", "markup", "line"),
    [
        ("Tom &amp; Jerry", True, "Tom & Jerry"),
        ("A <em>great</em>\n day", True, "A great day"),
        ("a < b", True, "a < b"),
        ("The <b> tag", False, "The <b> tag"),
        ("1 &lt; 2", False, "1 &lt; 2"),
        ("\u202egnp.exe\x00", True, "gnp.exe"),
        ("x" * 600, True, "x" * 499 + "…"),
    ],
)
def test_titles_are_one_line(title: str, markup: bool, line: str) -> None:
    assert one_line(title, markup=markup) == line


def test_a_shortened_text_ends_with_a_whole_word() -> None:
    assert shortened("the quick brown fox", 12) == "the quick…"
    assert shortened("the quick brown fox", 19) == "the quick brown fox"
    assert shortened("x" * 20, 10) == "x" * 9 + "…"
