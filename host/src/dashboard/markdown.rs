//! What a model wrote, as a page: paragraphs, lists, code and tables, and nothing else. Markup of its own is
//! shown as the text it is, a picture as a link to it, and a link leads to the web or nowhere.

use crate::domain::visible;
use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Where a link may lead.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// The text as markup.
pub(super) fn markdown(text: &str) -> Markup {
    // Marks that turn the reading direction could show another text than the one that is there.
    let text = visible::lines(text);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(&text, options).map(harmless);
    let mut written = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut written, events);
    PreEscaped(written)
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // A picture would tell its server who reads.
        Event::Start(Tag::Image { dest_url, .. }) => open(&dest_url),
        Event::End(TagEnd::Image | TagEnd::Link) => Event::Html(CowStr::Borrowed("</a>")),
        Event::Start(Tag::Link { dest_url, .. }) => open(&dest_url),
        other => other,
    }
}

/// The beginning of a link: to where it says, if that is the web.
fn open(to: &str) -> Event<'static> {
    let lower = to.trim().to_ascii_lowercase();
    let tag = match SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
        true => maud::html! {
            a href=(to.trim()) rel="noopener noreferrer nofollow" target="_blank" {}
        },
        false => maud::html! { a {} },
    };
    let opened = tag.into_string();
    Event::Html(CowStr::from(opened.strip_suffix("</a>").unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&markdown(text).into_string());
    }

    #[test]
    fn what_models_write_is_rendered() {
        check(
            "# Done\n\n- **two** files\n- `rm -rf ./scratch`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
            expect![[r#"
                <h1>Done</h1>
                <ul>
                <li><strong>two</strong> files</li>
                <li><code>rm -rf ./scratch</code></li>
                </ul>
                <table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>
                <tr><td>1</td><td>2</td></tr>
                </tbody></table>
            "#]],
        );
    }

    #[test]
    fn nothing_else_is() {
        check(
            "<script>alert(1)</script>\n\n<b onclick=x>b</b> ![p](https://x/p.png) [l](javascript:alert(1)) \
             [w](https://x/\"onclick=\"y) \u{202e}",
            expect![[r#"
                &lt;script&gt;alert(1)&lt;/script&gt;
                <p>&lt;b onclick=x&gt;b&lt;/b&gt; <a href="https://x/p.png" rel="noopener noreferrer nofollow" target="_blank">p</a> <a>l</a> <a href="https://x/&quot;onclick=&quot;y" rel="noopener noreferrer nofollow" target="_blank">w</a> \u{202e}</p>
            "#]],
        );
    }

    proptest! {
        #[test]
        fn only_known_elements_come_out(text in "([<>/a-z\"'=&#;:!\\[\\]()`*_|\\-\n ]|script|img|onload|javascript:){0,60}") {
            let written = markdown(&text).into_string();
            let known = [
                "a", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "code", "pre", "em", "strong",
                "del", "blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td",
            ];
            for tag in written.split('<').skip(1) {
                let name: String = tag
                    .trim_start_matches('/')
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                prop_assert!(known.contains(&name.as_str()), "{name} in {written}");
                let inside = tag.split('>').next().unwrap_or_default();
                prop_assert!(!inside.to_lowercase().contains("javascript:") || !inside.contains("href"), "{}", written);
            }
        }
    }
}
