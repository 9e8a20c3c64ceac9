//! The egress guard: what leaves the host, to which address, and what comes back. Servers and resolvers
//! are our own and on this machine; nothing else is asked.
//!
//! `cargo test --test egress -- --nocapture` prints what was tried and refused, by family.

mod addresses;
mod component;
mod names;
mod requests;
mod responses;
mod secrets;
mod server;
mod tls;
mod tool;

use initrunner::domain::grant::{Grants, HostPattern, HttpGrant, Scheme};
use initrunner::domain::secret::Secrets;
use initrunner::plugin::egress::{
    Addresses, Egress, EgressLimits, EgressOptions, Kind, Pass, Refusal, Request, Resolver,
    Response,
};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A resolver that knows a few names. Each question takes the next answer; the last one stays.
#[derive(Default)]
struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn of(answers: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().map(parse).collect()))
            .collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let found = match answers.get_mut(name) {
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
        };
        Box::pin(std::future::ready(found))
    }
}

/// A guard with a resolver of ours, and what it is asked to do.
struct Desk {
    egress: Egress,
    grants: Grants,
    secrets: Secrets,
    time: Duration,
}

impl Desk {
    fn new(names: Arc<Names>, grants: Vec<HttpGrant>) -> Self {
        let options = EgressOptions { resolver: Some(names), ..EgressOptions::default() };
        Self::with(options, grants)
    }

    fn with(options: EgressOptions, grants: Vec<HttpGrant>) -> Self {
        Self {
            egress: Egress::new(options),
            grants: Grants { http: grants, ..Grants::default() },
            secrets: Secrets::default(),
            time: Duration::from_secs(20),
        }
    }

    fn limited(names: Arc<Names>, grants: Vec<HttpGrant>, limits: EgressLimits) -> Self {
        Self::with(
            EgressOptions { resolver: Some(names), limits, ..EgressOptions::default() },
            grants,
        )
    }

    async fn send(&self, request: Request) -> Result<Response, Refusal> {
        self.send_within(request, self.time).await
    }

    async fn send_within(&self, request: Request, time: Duration) -> Result<Response, Refusal> {
        let pass = Pass {
            grants: &self.grants,
            secrets: &self.secrets,
            until: Instant::now() + time,
            connect: None,
            first_byte: None,
            between_bytes: None,
        };
        self.egress.exchange(pass, request).await.outcome
    }
}

/// Plain HTTP, any of the usual methods, below `/`.
fn grant(host: &str, port: u16, networks: &[&str]) -> HttpGrant {
    HttpGrant {
        scheme: Scheme::Http,
        host: HostPattern::parse(host).unwrap(),
        ports: vec![port],
        methods: ["GET", "HEAD", "POST", "OPTIONS"].map(str::to_owned).to_vec(),
        path: "/".into(),
        networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
    }
}

/// A `GET` over plain HTTP.
fn get(authority: &str, path: &str) -> Request {
    Request {
        method: "GET".into(),
        scheme: "http".into(),
        authority: authority.into(),
        path: path.into(),
        ..Request::default()
    }
}

#[track_caller]
fn refused(outcome: Result<Response, Refusal>, kind: Kind, reason: &str) {
    let refusal = outcome.expect_err(reason);
    assert_eq!(refusal.kind, kind, "{refusal}");
    assert!(refusal.sentence.contains(reason), "`{refusal}` does not say `{reason}`");
}

/// What was tried, by family.
#[derive(Default)]
struct Table(Vec<(&'static str, usize)>);

impl Table {
    /// One more case of a family, that was refused.
    fn refused(&mut self, family: &'static str) {
        match self.0.iter_mut().find(|(name, _)| *name == family) {
            Some((_, count)) => *count += 1,
            None => self.0.push((family, 1)),
        }
    }

    fn count(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    fn print(&self) {
        println!("{:<44} {:>6} {:>8}", "family", "cases", "refused");
        for (family, count) in &self.0 {
            println!("{family:<44} {count:>6} {count:>8}");
        }
        println!("{:<44} {:>6} {:>8}", "all", self.count(), self.count());
    }
}
