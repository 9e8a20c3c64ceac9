//! The sweeper, which looks by itself.

use super::{SECOND, clock, limited};
use initrunner::ops::Sweeper;
use initrunner::store::Store;
use initrunner::store::sqlite::SqliteStore;
use std::sync::Arc;
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
        clock.advance(550 * SECOND);
        sweeper.look_now();
        assert_eq!(told.recv().unwrap().swept.warned.len(), 1);
        clock.advance(50 * SECOND);
        sweeper.look_now();
        assert_eq!(told.recv().unwrap().swept.freed, std::slice::from_ref(&claim.run));
        stop.send_replace(Some("stopped".into()));
        thread.join().unwrap();
    });
    assert!(told.recv().is_err());
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
