//! The sweeper, which looks by itself.

use super::{SECOND, clock, limited};
use initrunner::ops::{SweepReport, Sweeper};
use initrunner::store::Store;
use initrunner::store::sqlite::SqliteStore;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

#[test]
fn a_sweeper_sweeps_until_it_is_stopped() {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
    let (claim, _) = limited(&*store, 1, 600);
    let sweeper = Sweeper::new(Arc::clone(&store), clock.clone());
    let (stop, stopped) = watch::channel(None);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let running = sweeper.clone();
        let thread = scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(running.run(stopped, &mut |report| {
                tell.send(report.unwrap()).unwrap();
            }));
        });
        assert_eq!(told.recv().unwrap().swept.next, Some(540 * SECOND));
        // It may look in between as well, since something has changed, and finds nothing then.
        let found = |wanted: &dyn Fn(&SweepReport) -> bool| told.iter().find(wanted).unwrap();
        clock.advance(550 * SECOND);
        sweeper.look_now();
        assert_eq!(found(&|report| !report.swept.warned.is_empty()).swept.warned.len(), 1);
        clock.advance(50 * SECOND);
        sweeper.look_now();
        let freed = found(&|report| !report.swept.freed.is_empty()).swept.freed;
        assert_eq!(freed, std::slice::from_ref(&claim.run));
        stop.send_replace(Some("stopped".into()));
        thread.join().unwrap();
    });
    assert!(told.iter().all(|report| report.swept.freed.is_empty()));
}

#[test]
fn a_sweeper_looks_soon_after_a_question_was_asked() {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
    let sweeper = Sweeper::new(Arc::clone(&store), clock);
    let (stop, stopped) = watch::channel(None);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(sweeper.run(stopped, &mut |report| {
                tell.send(report.unwrap()).unwrap();
            }));
        });
        assert_eq!(told.recv().unwrap().swept.next, None);
        limited(&*store, 1, 600);
        // Long before it would look without being told.
        let soon = Duration::from_secs(20);
        assert_eq!(told.recv_timeout(soon).unwrap().swept.next, Some(540 * SECOND));
        stop.send_replace(Some("stopped".into()));
    });
}

#[test]
fn a_sweeper_wakes_by_itself_when_something_is_due() {
    let clock = clock();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory_with(clock.clone()).unwrap());
    limited(&*store, 1, 1);
    // So little is left that the machine's own time has passed it by the next look.
    clock.advance(SECOND - 20_000);
    let sweeper = Sweeper::new(Arc::clone(&store), clock.clone());
    let (_stop, stopped) = watch::channel(None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut reports = 0;
    runtime.block_on(async {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut forward = |report| drop(tell.send(report));
        let mut running = std::pin::pin!(sweeper.run(stopped, &mut forward));
        loop {
            tokio::select! {
                () = &mut running => panic!("it ended"),
                Some(report) = told.recv() => {
                    let report: initrunner::ops::SweepReport = Result::unwrap(report);
                    reports += 1;
                    clock.advance(20_000);
                    if !report.swept.expired.is_empty() {
                        break;
                    }
                }
            }
        }
    });
    assert_eq!(reports, 2);
}
