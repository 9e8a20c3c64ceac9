//! Lists page by page.

use super::{completed, spent};
use crate::fixture::*;
use initrunner::domain::ids::{CallId, RunId};
use initrunner::domain::rule::ApprovalRule;
use initrunner::domain::run::RunState;
use initrunner::domain::tool_call::CallState;
use initrunner::store::owner::Owner;
use initrunner::store::{
    Admission, NewRun, Order, Page, PendingFilter, Position, RunFilter, Store, TurnRecord,
};

conformance!(
    runs_are_listed_page_by_page,
    runs_are_listed_by_what_they_are,
    the_queue_is_listed_page_by_page,
    the_queue_is_listed_by_when_it_expires,
    the_queue_is_listed_by_what_waits,
);

fn page(order: Order, after: Option<Position>, limit: usize) -> Page {
    Page { order, after, limit }
}

const WHOLE: Page = Page { order: Order::OldestFirst, after: None, limit: 1000 };

/// All pages of a list; `meanwhile` happens after each.
fn all_runs(
    store: &dyn Store,
    filter: &RunFilter,
    order: Order,
    limit: usize,
    mut meanwhile: impl FnMut(),
) -> Vec<RunId> {
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let given = wait(store.list_runs(filter.clone(), page(order, after, limit))).unwrap();
        assert!(given.runs.len() == limit || given.next.is_none());
        listed.extend(given.runs.into_iter().map(|run| run.id));
        match given.next {
            Some(next) => after = Some(next),
            None => return listed,
        }
        meanwhile();
    }
}

fn runs_are_listed_page_by_page(store: &dyn Store) {
    let owner = owner(store);
    assert!(wait(store.list_runs(RunFilter::default(), WHOLE)).unwrap().runs.is_empty());
    // The clock goes back and forth, and stands still.
    let new = |second| {
        let run = NewRun { at: at(second), ..new_run() };
        wait(store.create_run(run, owner.id())).unwrap().run
    };
    let ids: Vec<RunId> = [5, 3, 3, 9, 1, 1, 7].into_iter().map(new).collect();
    let newest: Vec<RunId> = ids.iter().rev().cloned().collect();
    let any = RunFilter::default();
    for limit in [1, 2, 3, 6, 7, 8] {
        assert_eq!(all_runs(store, &any, Order::OldestFirst, limit, || {}), ids, "{limit}");
        assert_eq!(all_runs(store, &any, Order::NewestFirst, limit, || {}), newest, "{limit}");
    }
    // What comes meanwhile is before the first page, or behind the last.
    let mut more = Vec::new();
    let listed = all_runs(store, &any, Order::NewestFirst, 2, || more.push(new(0)));
    assert_eq!(listed, newest);
    let mut ids: Vec<RunId> = ids.into_iter().chain(more).collect();
    let mut left = 3;
    let mut later = Vec::new();
    let listed = all_runs(store, &any, Order::OldestFirst, 2, || {
        if left > 0 {
            left -= 1;
            later.push(new(0));
        }
    });
    ids.extend(later);
    assert_eq!(listed, ids);
    // No page is empty because of what was asked for.
    let none = wait(store.list_runs(any, page(Order::NewestFirst, None, 0))).unwrap();
    assert_eq!((none.runs.len(), none.next.is_some()), (1, true));
}

fn runs_are_listed_by_what_they_are(store: &dyn Store) {
    let owner = owner(store);
    let (mut all, mut claims) = (Vec::new(), Vec::new());
    for (number, (role, requester)) in
        [("demo", "os:alice"), ("demo", "os:bob"), ("deploy", "os:bob")].into_iter().enumerate()
    {
        for second in 0..2 {
            let run = NewRun {
                role_name: role.into(),
                requester: requester.into(),
                at: at(10 * i64::try_from(number).unwrap() + second),
                ..new_run()
            };
            all.push(run.id.clone());
            claims.push(wait(store.create_run(run, owner.id())).unwrap());
        }
    }
    record(store, &claims[1], vec![waiting(), waiting()], true);
    wait(store.interrupt_run(&claims[2], "no".into(), spent(), at(30))).unwrap();
    wait(store.end_run(&claims[3], completed(), spent(), at(30))).unwrap();
    wait(store.cancel_run(&claims[4].run, alice(), at(30))).unwrap();
    let check = |filter: RunFilter, expected: &[usize]| {
        let expected: Vec<RunId> = expected.iter().map(|run| all[*run].clone()).collect();
        for limit in [1, 100] {
            let listed = all_runs(store, &filter, Order::OldestFirst, limit, || {});
            assert_eq!(listed, expected, "{filter:?}");
        }
        let newest: Vec<RunId> = expected.into_iter().rev().collect();
        assert_eq!(all_runs(store, &filter, Order::NewestFirst, 2, || {}), newest, "{filter:?}");
    };
    let any = RunFilter::default;
    let of = |states: &[RunState]| RunFilter { states: states.to_vec(), ..any() };
    use RunState::{Cancelled, Completed, Failed, Interrupted, Paused, Running};
    check(any(), &[0, 1, 2, 3, 4, 5]);
    check(of(&[Running]), &[0, 5]);
    check(of(&[Paused]), &[1]);
    check(of(&[Interrupted, Paused]), &[1, 2]);
    check(of(&[Paused, Completed]), &[1, 3]);
    check(of(&[Cancelled, Completed]), &[3, 4]);
    check(of(&[Failed]), &[]);
    check(RunFilter { role: Some("demo".into()), ..any() }, &[0, 1, 2, 3]);
    check(RunFilter { role: Some("dem".into()), ..any() }, &[]);
    check(RunFilter { requester: Some("os:bob".into()), ..any() }, &[2, 3, 4, 5]);
    let of_bob = RunFilter { requester: Some("os:bob".into()), ..of(&[Running, Interrupted]) };
    check(RunFilter { role: Some("deploy".into()), ..of_bob.clone() }, &[5]);
    check(of_bob, &[2, 5]);
    check(RunFilter { since: Some(at(10)), ..any() }, &[2, 3, 4, 5]);
    check(RunFilter { until: Some(at(11)), ..any() }, &[0, 1, 2]);
    check(RunFilter { since: Some(at(1)), until: Some(at(20)), ..any() }, &[1, 2, 3]);
    let row = &wait(store.list_runs(of(&[Paused]), WHOLE)).unwrap().runs[0];
    assert_eq!((row.waiting, row.requester.as_str(), row.created_at), (2, "os:alice", at(1)));
}

/// A run of a role that somebody started, with calls of these tools that wait since a moment.
fn waits(
    store: &dyn Store,
    owner: &Owner,
    run: NewRun,
    tools: &[&str],
    second: i64,
) -> Vec<CallId> {
    let claim = wait(store.create_run(run, owner.id())).unwrap();
    let call = |tool: &&str| {
        let mut call = new_call(waiting());
        call.model_tool = (*tool).into();
        call
    };
    let calls: Vec<_> = tools.iter().map(call).collect();
    let ids = calls.iter().map(|call| call.id.clone()).collect();
    let turn = TurnRecord { at: at(second), ..turn(calls, true) };
    wait(store.record_turn(&claim, turn)).unwrap();
    ids
}

fn all_pending(
    store: &dyn Store,
    filter: &PendingFilter,
    order: Order,
    limit: usize,
    mut meanwhile: impl FnMut(),
) -> Vec<CallId> {
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let given = wait(store.list_pending(filter.clone(), page(order, after, limit))).unwrap();
        assert!(given.calls.len() == limit || given.next.is_none());
        assert!(given.total >= given.calls.len());
        listed.extend(given.calls.into_iter().map(|call| call.call));
        match given.next {
            Some(next) => after = Some(next),
            None => {
                assert!(given.total >= listed.len());
                return listed;
            }
        }
        meanwhile();
    }
}

fn the_queue_is_listed_page_by_page(store: &dyn Store) {
    let owner = owner(store);
    let any = PendingFilter::default();
    let none = wait(store.list_pending(any.clone(), WHOLE)).unwrap();
    assert_eq!((none.calls.len(), none.total, none.next), (0, 0, None));
    let new = |second| waits(store, &owner, new_run(), &["a", "b"], second);
    // Two moments, and several at each.
    let mut oldest = [new(9), new(1), new(9), new(1)];
    oldest.sort_by_key(|calls| {
        wait(store.pending(100)).unwrap().0.iter().position(|it| it.call == calls[0])
    });
    let oldest: Vec<CallId> = oldest.concat();
    let newest: Vec<CallId> = oldest.iter().rev().cloned().collect();
    for limit in [1, 2, 3, 7, 8, 9] {
        assert_eq!(all_pending(store, &any, Order::OldestFirst, limit, || {}), oldest, "{limit}");
        assert_eq!(all_pending(store, &any, Order::NewestFirst, limit, || {}), newest, "{limit}");
    }
    // Later ones are not in the way; one that is decided meanwhile does not move the others.
    let mut second = 10;
    let listed = all_pending(store, &any, Order::NewestFirst, 3, || {
        second += 1;
        new(second);
    });
    assert_eq!(listed, newest);
    let first = wait(store.list_pending(any.clone(), page(Order::OldestFirst, None, 2))).unwrap();
    let run = first.calls[0].run.clone();
    wait(store.cancel_run(&run, alice(), at(90))).unwrap();
    let second = page(Order::OldestFirst, first.next, 6);
    let second = wait(store.list_pending(any, second)).unwrap();
    let listed: Vec<CallId> = second.calls.into_iter().map(|call| call.call).collect();
    assert_eq!(listed, oldest[2..]);
    assert_eq!(second.total, 8 - 2 + 4);
}

fn the_queue_is_listed_by_when_it_expires(store: &dyn Store) {
    let owner = owner(store);
    let new = |second, expires_after| {
        let claim = wait(store.create_run(new_run(), owner.id())).unwrap();
        let rule = ApprovalRule { expires_after, ..ApprovalRule::required() };
        let call = new_call(waiting_under(rule));
        let id = call.id.clone();
        let turn = TurnRecord { at: at(second), ..turn(vec![call], true) };
        wait(store.record_turn(&claim, turn)).unwrap();
        id
    };
    let never = [new(1, None), new(2, None)];
    let late = new(3, Some(100));
    let soon = [new(4, Some(10)), new(5, Some(9))];
    let between = new(6, Some(50));
    let [first, second] = soon;
    let [never, nor] = never;
    let expected = [first, second, between, late, never, nor];
    let any = PendingFilter::default();
    for limit in [1, 2, 4, 5, 6, 7] {
        let listed = all_pending(store, &any, Order::SoonestToExpireFirst, limit, || {});
        assert_eq!(listed, expected, "{limit}");
    }
    // What does not expire waits behind all that do, however late these come.
    let mut more = [Some(60), None].into_iter();
    let listed = all_pending(store, &any, Order::SoonestToExpireFirst, 3, || {
        if let Some(expires_after) = more.next() {
            new(7, expires_after);
        }
    });
    assert_eq!(listed.len(), 8);
    assert_eq!(listed[..3], expected[..3]);
    assert_eq!(listed[4..7], expected[3..]);
}

fn the_queue_is_listed_by_what_waits(store: &dyn Store) {
    let owner = owner(store);
    let run = |role: &str, requester: &str| NewRun {
        role_name: role.into(),
        requester: requester.into(),
        ..new_run()
    };
    let mut all = waits(store, &owner, run("demo", "os:alice"), &["shell", "sql"], 1);
    all.extend(waits(store, &owner, run("demo", "os:bob"), &["sql"], 2));
    let other = run("deploy", "os:bob");
    let of_run = other.id.clone();
    all.extend(waits(store, &owner, other, &["shell"], 3));
    // One of unknown outcome.
    let claim = wait(store.create_run(run("demo", "os:alice"), owner.id())).unwrap();
    let calls = record(store, &claim, vec![Admission::Ready], false);
    wait(store.record_call_started(&claim, &calls[0], vec![], at(4))).unwrap();
    wait(store.interrupt_run(&claim, "no".into(), spent(), at(4))).unwrap();
    all.extend(calls);
    let check = |filter: PendingFilter, expected: &[usize]| {
        let expected: Vec<CallId> = expected.iter().map(|call| all[*call].clone()).collect();
        for limit in [1, 100] {
            let listed = all_pending(store, &filter, Order::OldestFirst, limit, || {});
            assert_eq!(listed, expected, "{filter:?}");
        }
        let total = wait(store.list_pending(filter.clone(), WHOLE)).unwrap().total;
        assert_eq!(total, expected.len(), "{filter:?}");
    };
    let any = PendingFilter::default;
    check(any(), &[0, 1, 2, 3, 4]);
    check(PendingFilter { role: Some("demo".into()), ..any() }, &[0, 1, 2, 4]);
    check(PendingFilter { tool: Some("sql".into()), ..any() }, &[1, 2]);
    check(PendingFilter { requester: Some("os:bob".into()), ..any() }, &[2, 3]);
    check(PendingFilter { state: Some(CallState::Unknown), ..any() }, &[4]);
    check(PendingFilter { state: Some(CallState::Waiting), ..any() }, &[0, 1, 2, 3]);
    check(PendingFilter { state: Some(CallState::Denied), ..any() }, &[]);
    check(PendingFilter { run: Some(of_run), ..any() }, &[3]);
    check(PendingFilter { since: Some(at(2)), ..any() }, &[2, 3, 4]);
    check(PendingFilter { until: Some(at(3)), ..any() }, &[0, 1, 2]);
    let tool = Some("shell".into());
    check(PendingFilter { tool, requester: Some("os:alice".into()), ..any() }, &[0, 4]);
    let rows = wait(store.list_pending(any(), WHOLE)).unwrap().calls;
    let requesters: Vec<_> = rows.iter().map(|row| row.requester.as_deref().unwrap()).collect();
    assert_eq!(requesters, ["os:alice", "os:alice", "os:bob", "os:bob", "os:alice"]);
    // Apart from that it is the queue as it is listed whole.
    let (whole, _) = wait(store.pending(100)).unwrap();
    for (row, same) in rows.into_iter().zip(whole) {
        let requester = None;
        assert_eq!(
            format!("{:?}", initrunner::store::PendingCall { requester, ..row }),
            format!("{same:?}")
        );
    }
}
