//! Which grants cover a request, and what to write where none does.

use super::refusal::{Refusal, clip};
use crate::domain::grant::{HttpGrant, Target, ambiguity};

/// The grants that cover a request, at least one.
pub(super) fn covering<'g>(
    grants: &'g [HttpGrant],
    target: &Target<'_>,
) -> Result<Vec<&'g HttpGrant>, Refusal> {
    if matches!(target.method, "CONNECT" | "TRACE" | "TRACK") {
        return Err(Refusal::denied(format!(
            "the method `{}` cannot be used: a tunnel would carry anything, and an echo would show \
             what was put in",
            target.method
        )));
    }
    let covering: Vec<&HttpGrant> = grants.iter().filter(|grant| grant.covers(target)).collect();
    if covering.is_empty() { Err(refuse(grants, target)) } else { Ok(covering) }
}

/// Says which part does not fit, and what to add.
fn refuse(grants: &[HttpGrant], target: &Target<'_>) -> Refusal {
    let method = clip(target.method);
    let path = clip(target.path);
    let server = format!("{}://{}:{}", target.scheme.name(), target.host, target.port);
    let line = target.grant_line();
    let about: Vec<&HttpGrant> = grants.iter().filter(|grant| grant.reaches(target)).collect();
    if about.is_empty() {
        return Refusal::denied(format!(
            "`{server}` is not granted; add `{line}` to the entry to allow it"
        ));
    }
    let with_method = |grant: &&&HttpGrant| grant.methods.iter().any(|it| it == target.method);
    let Some(grant) = about.iter().find(with_method) else {
        return Refusal::denied(format!(
            "the method `{method}` is not granted for `{server}`; add `methods: [{method}]` to the \
             grant, as in `{line}`"
        ));
    };
    match ambiguity(target.path) {
        Some(clause) => Refusal::denied(format!(
            "the path `{path}` {clause}, so it cannot be told whether it is below the granted \
             `{}`; send it in its plain form, or grant `path: /`",
            grant.path
        )),
        None => Refusal::denied(format!(
            "the path `{path}` of `{server}` is not granted, only what is below `{}`; add `{line}` \
             to the entry, with a `path` that covers it",
            grant.path
        )),
    }
}
