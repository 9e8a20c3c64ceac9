//! The pages that people run roles and decide on, served by the same process as what services ask for. A page
//! is made here, whole, for whoever is signed in; scripts on it only bring it up to date without a reload,
//! and send what a form would send.
//!
//! Whatever a model, a tool or a prompt said is text on every page: `maud` escapes it, Markdown is rendered
//! without any markup of its author's own ([`markdown`]), and what a browser would still make of it is
//! refused by the policy that every answer carries ([`headers`]).

mod approvals;
mod assets;
mod card;
mod events;
mod guard;
mod headers;
mod home;
mod markdown;
mod random;
mod refused;
mod roles;
mod runs;
mod session;
mod shell;
mod sign_in;

use crate::http::{Pages, PagesOf, Shared};
use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use events::Counts;
use session::Sessions;
use sign_in::Link;
use std::sync::Arc;

/// What every page is made with.
#[derive(Clone)]
struct Desk(Arc<Kept>);

struct Kept {
    app: Shared,
    sessions: Sessions,
    /// What signs in whoever started the dashboard on this machine.
    link: Option<Link>,
    counts: Counts,
}

impl std::ops::Deref for Desk {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        &self.0
    }
}

// What services ask for is asked here as well, by whoever is signed in.
impl FromRef<Desk> for Shared {
    fn from_ref(desk: &Desk) -> Self {
        Arc::clone(&desk.app)
    }
}

/// The path that signs in whoever opens it, once: for the person who started the dashboard.
#[derive(Debug, Clone)]
pub struct SignInLink(Link);

impl SignInLink {
    /// A new one; what opens it is known to nobody else.
    pub fn new() -> Self {
        Self(Link::new())
    }

    /// The path, from the root.
    pub fn path(&self) -> String {
        self.0.path()
    }
}

impl Default for SignInLink {
    fn default() -> Self {
        Self::new()
    }
}

/// The pages, for [`serve`](crate::http::serve). `link` signs in whoever has it.
pub fn pages(link: Option<SignInLink>) -> Pages {
    Box::new(move |PagesOf(app)| {
        let folder = app.host.persists().then(|| app.host.home().join("sessions"));
        let sessions = Sessions::new(folder);
        let link = link.map(|SignInLink(link)| link);
        router(Desk(Arc::new(Kept { app, sessions, link, counts: Counts::default() })))
    })
}

fn router(desk: Desk) -> Router {
    let signed_in = Router::new()
        .route("/", get(home::show))
        .route("/roles", get(roles::list))
        .route("/roles/{role}", get(roles::show))
        .route("/roles/{role}/runs", post(roles::start))
        .route("/approvals", get(approvals::queue))
        .route("/approvals/{run}", post(approvals::send))
        .route("/runs", get(runs::list))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/panel", get(runs::panel))
        .route("/api/approvals/pending", get(approvals::pending))
        .route(
            "/api/approvals/{run}",
            get(crate::http::approvals::show).post(crate::http::approvals::decide),
        )
        .route("/api/events", get(events::events))
        .route("/sign-out", post(sign_in::end))
        .layer(from_fn_with_state(desk.clone(), guard::guard));
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::begin))
        .route("/assets/{version}/{name}", get(assets::asset))
        .merge(signed_in)
        .layer(from_fn(headers::headers))
        .with_state(desk)
}
