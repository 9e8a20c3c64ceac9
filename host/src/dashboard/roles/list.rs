//! The roles that are served, and the files that cannot be.

use crate::dashboard::Desk;
use crate::dashboard::events::waiting;
use crate::dashboard::guard::Visitor;
use crate::dashboard::refused::Refused;
use crate::dashboard::shell::{self, Page, Place};
use crate::domain::visible::{lines, one_line};
use axum::extract::State;
use maud::html;

/// # Errors
/// Where the database cannot be read.
pub(in crate::dashboard) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
) -> Result<Page, Refused> {
    let (roles, broken) = (desk.app.roles.all(), desk.app.roles.broken());
    let body = html! {
        h1 { "Roles" }
        @if roles.is_empty() { p class="note" { "No role is served here." } }
        ul class="cards" {
            @for file in &roles {
                li class="card" {
                    h2 { a href={ "/roles/" (file.role.name) } { (one_line(&file.role.name)) } }
                    @if let Some(said) = &file.role.description { p { (one_line(said)) } }
                    p class="note" { code { (file.shown) } }
                }
            }
        }
        @if !broken.is_empty() {
            h2 { "Cannot be used" }
            @for one in &broken {
                section class="problem" {
                    p { code { (one.path.display()) } }
                    pre { (lines(&one.why)) }
                }
            }
        }
    };
    let waiting = waiting(&desk.app.host).await?;
    Ok(shell::page(&visitor, Place::Roles, "Roles", waiting, &body))
}
