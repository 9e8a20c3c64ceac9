//! Places where a test has the process die, stop or wait, to prove what happens then.
//!
//! Without the feature `fail-points`, which no build that people use has, every function here is
//! empty. With it they still do nothing until `arm` was called, and only a test program calls it: a
//! program that merely happens to be built beside the tests ignores the environment as ever.
//!
//! Every name that code passes to `reach` is in `names`, and a test has each of them reached.

/// The store's verbs, as `reach_verb` is told them.
#[cfg(feature = "fail-points")]
const VERBS: [&str; 24] = [
    "adopt_orphans",
    "cancel_run",
    "claim_run",
    "create_run",
    "decide",
    "due_messages",
    "end_run",
    "interrupt_run",
    "mark_delivered",
    "mark_failed",
    "mark_trigger",
    "pause_run",
    "prune",
    "queue_run",
    // Whatever only reads, where it is read on the thread that writes.
    "read",
    "readmit_call",
    "record_call_finished",
    "record_call_started",
    "record_policies",
    "record_program_started",
    "record_turn",
    "retry_unknown",
    "sweep",
    "tell_results",
];

/// The moments of a verb's transaction.
#[cfg(feature = "fail-points")]
const MOMENTS: [&str; 5] =
    ["before_begin", "after_verb", "before_commit", "after_commit", "after_heads"];

/// Everything else that is reached.
#[cfg(feature = "fail-points")]
const OTHERS: [&str; 33] = [
    "process.before_start",
    "process.specified",
    "process.started",
    "process.ended",
    "runner.ask_model.before",
    "runner.ask_model.answered",
    "runner.ask_model.gated",
    "runner.ask_model.recorded",
    "runner.end.before",
    "runner.end.after",
    "runner.interrupt.before",
    "runner.interrupt.after",
    "runner.invoke.admitted",
    "runner.invoke.started",
    "runner.invoke.invoked",
    "runner.invoke.finished",
    "runner.pause.before",
    "runner.pause.after",
    "runner.readmit.before",
    "runner.readmit.after",
    "runner.tell.before",
    "runner.tell.after",
    "store.key.draft_written",
    "store.key.linked",
    "store.open.file_made",
    "store.open.key_made",
    "store.open.heads_made",
    "store.open.log_switched",
    "store.open.schema_written",
    "store.open.schema_made",
    "store.owner.file_made",
    "store.owner.registered",
    "store.owner.leaving",
];

/// Comes past the place of this name.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) fn reach(_name: &'static str) {}

/// Comes past a moment of a verb's transaction: `store.VERB.MOMENT`.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) fn reach_verb(_verb: &'static str, _moment: &'static str) {}

/// By how many microseconds the clock is wrong.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) fn clock_offset() -> i64 {
    0
}

/// Whether the program works as a process for many runs does, on several threads.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) fn several_threads() -> bool {
    false
}

#[cfg(feature = "fail-points")]
pub use armed::{arm, names};
#[cfg(feature = "fail-points")]
pub(crate) use armed::{clock_offset, reach, reach_verb, several_threads};

#[cfg(feature = "fail-points")]
mod armed {
    use super::{MOMENTS, OTHERS, VERBS};
    use rustix::process::{Signal, getpid, kill_process};
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static ARMED: OnceLock<Armed> = OnceLock::new();

    /// What this process was told to do.
    #[derive(Default)]
    struct Armed {
        orders: Vec<Order>,
        log: Option<File>,
        clock_offset: i64,
        several_threads: bool,
    }

    /// What to do at one place.
    struct Order {
        name: String,
        action: Signal,
        /// The how-manieth time, from 1.
        nth: usize,
        seen: AtomicUsize,
    }

    /// Every name, sorted.
    pub fn names() -> Vec<String> {
        let verbs = VERBS.iter().flat_map(|verb| MOMENTS.map(|moment| verb_name(verb, moment)));
        let mut names: Vec<String> = verbs.chain(OTHERS.map(str::to_owned)).collect();
        names.sort();
        names
    }

    /// Takes orders from the environment, once, before anything else happens:
    ///
    /// - `INITRUNNER_FAIL_POINT=NAME[:ACTION][:NTH]`, several with commas between them: what to do when
    ///   the place is reached for the NTH time (1 unless said). ACTION is `kill` (SIGKILL, unless said),
    ///   `stop` (SIGSTOP) or `interrupt` (SIGINT), sent to this process by itself;
    /// - `INITRUNNER_FAIL_POINT_LOG=FILE`: append the name of each place that is reached;
    /// - `INITRUNNER_CLOCK_OFFSET=SECONDS`: have the clock wrong by so much;
    /// - `INITRUNNER_SEVERAL_THREADS`, set to anything: work as a process for many runs does, where
    ///   whoever calls a verb of the store does it on its own thread.
    ///
    /// # Errors
    /// An order that cannot be understood, or names a place that does not exist.
    pub fn arm(environment: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let orders = environment("INITRUNNER_FAIL_POINT").unwrap_or_default();
        let orders = orders.split(',').filter(|order| !order.is_empty()).map(read);
        let log = environment("INITRUNNER_FAIL_POINT_LOG").map(|path| {
            OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)
                .map_err(|error| format!("the log `{path}` cannot be opened: {error}"))
        });
        let offset = environment("INITRUNNER_CLOCK_OFFSET").map(|text| {
            let seconds = text.parse::<i64>().ok().and_then(|n| n.checked_mul(1_000_000));
            seconds.ok_or_else(|| format!("`{text}` is no number of seconds"))
        });
        let armed = Armed {
            orders: orders.collect::<Result<_, _>>()?,
            log: log.transpose()?,
            clock_offset: offset.transpose()?.unwrap_or(0),
            several_threads: environment("INITRUNNER_SEVERAL_THREADS").is_some(),
        };
        ARMED.set(armed).map_err(|_| "this process is armed already".to_owned())
    }

    fn read(text: &str) -> Result<Order, String> {
        let mut words = text.split(':');
        let name = words.next().unwrap_or_default().to_owned();
        if !names().contains(&name) {
            return Err(format!("there is no fail point `{name}`"));
        }
        let (mut action, mut nth) = (Signal::KILL, 1);
        for word in words {
            match word {
                "kill" => action = Signal::KILL,
                "stop" => action = Signal::STOP,
                "interrupt" => action = Signal::INT,
                _ => {
                    let number = word.parse().ok().filter(|nth| *nth > 0);
                    nth = number.ok_or_else(|| format!("`{word}` is no action and no count"))?;
                }
            }
        }
        Ok(Order { name, action, nth, seen: AtomicUsize::new(0) })
    }

    fn verb_name(verb: &str, moment: &str) -> String {
        format!("store.{verb}.{moment}")
    }

    /// Comes past the place of this name.
    pub(crate) fn reach(name: &'static str) {
        if let Some(armed) = ARMED.get() {
            obey(armed, name);
        }
    }

    /// Comes past a moment of a verb's transaction: `store.VERB.MOMENT`.
    pub(crate) fn reach_verb(verb: &'static str, moment: &'static str) {
        if let Some(armed) = ARMED.get() {
            obey(armed, &verb_name(verb, moment));
        }
    }

    /// By how many microseconds the clock is wrong.
    pub(crate) fn clock_offset() -> i64 {
        ARMED.get().map_or(0, |armed| armed.clock_offset)
    }

    /// Whether the program works as a process for many runs does, on several threads.
    pub(crate) fn several_threads() -> bool {
        ARMED.get().is_some_and(|armed| armed.several_threads)
    }

    fn obey(armed: &Armed, name: &str) {
        if let Some(mut log) = armed.log.as_ref() {
            // One write, so that lines of several threads do not mix. A test that misses a line fails.
            drop(log.write_all(format!("{name}\n").as_bytes()));
        }
        for order in armed.orders.iter().filter(|order| order.name == name) {
            if order.seen.fetch_add(1, Ordering::Relaxed) + 1 == order.nth {
                // The kernel acts before this thread returns from asking; a process can always signal
                // itself.
                let _ = kill_process(getpid(), order.action);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_order_is_a_name_an_action_and_a_count() {
            for (text, action, nth) in [
                ("store.decide.after_commit", Signal::KILL, 1),
                ("store.decide.after_commit:kill:3", Signal::KILL, 3),
                ("runner.invoke.started:stop", Signal::STOP, 1),
                ("runner.invoke.started:2:interrupt", Signal::INT, 2),
            ] {
                let order = read(text).unwrap();
                assert_eq!((order.action, order.nth), (action, nth), "{text}");
            }
            for wrong in ["", "runner", "runner.invoke.started:0", "runner.invoke.started:sleep"] {
                assert!(read(wrong).is_err(), "{wrong}");
            }
        }

        #[test]
        fn no_name_is_listed_twice() {
            let mut names = names();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
