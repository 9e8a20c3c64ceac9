//! What is the same on every page: the head, the side bar, and who is signed in.

use super::assets;
use super::guard::Visitor;
use crate::domain::api_key::KeyRole;
use crate::domain::clock::Timestamp;
use crate::domain::visible;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// A page, whole.
pub(super) struct Page(Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], self.0.into_string()).into_response()
    }
}

/// Where a page belongs in the side bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Home,
    Roles,
    Runs,
    Approvals,
}

/// A page of the side bar: where it belongs, its path, its name.
type Entry = (Place, &'static str, &'static str);

/// The side bar: each group with its pages.
const GROUPS: [(&str, &[Entry]); 2] = [
    (
        "Work",
        &[
            (Place::Home, "/", "Home"),
            (Place::Roles, "/roles", "Roles"),
            (Place::Runs, "/runs", "Runs"),
        ],
    ),
    ("Operate", &[(Place::Approvals, "/approvals", "Approvals")]),
];

/// The style sheets, and the mark of the page.
fn styles() -> Markup {
    html! {
        @for name in ["style.css", "card.css", "queue.css", "story.css"] {
            link rel="stylesheet" href=(assets::address(name));
        }
        link rel="icon" type="image/svg+xml" href=(assets::address("icon.svg"));
    }
}

/// A page without a side bar.
pub(super) fn document(title: &str, body: &Markup) -> Page {
    Page(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · initrunner" }
                (styles())
            }
            body { (body) }
        }
    })
}

/// A page of somebody who is signed in. `waiting` is what the badge shows: how many calls wait.
pub(super) fn page(
    visitor: &Visitor,
    place: Place,
    title: &str,
    waiting: usize,
    body: &Markup,
) -> Page {
    Page(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // What scripts send with whatever changes something.
                meta name="csrf" content=(visitor.session.csrf);
                title { (title) " · initrunner" }
                (styles())
                script type="module" src=(assets::address("app.js")) {}
            }
            body {
                a class="skip" href="#main" { "Skip to the page" }
                header class="bar" {
                    a class="brand" href="/" { "initrunner" }
                    nav aria-label="Pages" {
                        @for (group, pages) in GROUPS {
                            p class="group" { (group) }
                            ul {
                                @for (of, path, name) in pages.iter().filter(|(of, ..)| shows(visitor, *of)) {
                                    li {
                                        a href=(path) aria-current=[(*of == place).then_some("page")] {
                                            (name)
                                            @if *of == Place::Approvals { " " (badge(waiting)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                    form class="who" method="post" action="/sign-out" {
                        (csrf(visitor))
                        p { (visible::one_line(&visitor.who.identity)) }
                        button class="quiet" { "Sign out" }
                        // Shown by the script that it needs.
                        button type="button" class="quiet" data-keys="" hidden { "Keys" }
                    }
                }
                main id="main" tabindex="-1" { (body) }
                // What scripts tell: arrivals to screen readers, and what happened elsewhere to everybody.
                p id="told" class="hidden" role="status" aria-live="polite" {}
                div id="toasts" role="region" aria-label="Notices" {}
            }
        }
    })
}

/// Whether a page is of any use to somebody.
fn shows(visitor: &Visitor, page: Place) -> bool {
    page != Place::Approvals || visitor.who.may(KeyRole::Reviewer).is_ok()
}

/// How many calls wait.
pub(super) fn badge(waiting: usize) -> Markup {
    html! {
        span class="badge" data-badge="" hidden[waiting == 0] {
            span data-count="" { (waiting) } span class="hidden" { " waiting" }
        }
    }
}

/// What every form carries.
pub(super) fn csrf(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="csrf" value=(visitor.session.csrf); }
}

/// A sentence of ours as pages have it: with a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = visible::lines(text).chars().collect::<Vec<_>>().into_iter();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// A moment; scripts show it in the reader's own time zone, as wide as it is: the page stays where it is.
pub(super) fn time(at: Timestamp) -> Markup {
    let text = at.to_string();
    let short = text.get(..16).map_or(text.clone(), |head| head.replace('T', " "));
    html! { time datetime=(text) title=(text) { (short) span class="zone" { "Z" } } }
}
