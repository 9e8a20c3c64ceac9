//! Signing in and out.

use crate::desk::{Desk, FREE, Visitor, home, posted};
use initrunner_tests::home::{Home, until};
use initrunner_tests::serve::Server;

/// Whether somebody is signed in: their first page is shown.
fn is_in(visitor: &mut Visitor) -> bool {
    let answer = visitor.get("/");
    match answer.status {
        200 => true,
        303 => {
            assert_eq!(answer.header("location"), Some("/sign-in?next=%2F"));
            false
        }
        _ => panic!("{}: {}", answer.status, answer.text()),
    }
}

#[test]
fn a_key_signs_in_and_nothing_else_does() {
    let desk = Desk::start();
    let mut visitor = Visitor::new(desk.server.address());
    assert!(!is_in(&mut visitor));
    for wrong in ["", "irk_x", "' or 1=1 --", &"x".repeat(100_000), "\u{202e}"] {
        let answer = visitor.sign_in(wrong, "/");
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.text().contains("This key is not known here."));
        assert!(!answer.text().contains("irk_"), "what was typed is not shown again");
        assert!(!is_in(&mut visitor));
    }
    let answer = visitor.sign_in(desk.key("caller"), "/runs");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/runs")));
    assert!(is_in(&mut visitor));
    // Whoever is signed in has no use for the form.
    let answer = visitor.get("/sign-in?next=/roles");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/roles")));
}

#[test]
fn its_cookie_is_for_this_site_and_no_script() {
    let desk = Desk::start();
    let mut visitor = Visitor::new(desk.server.address());
    visitor.get("/sign-in");
    let answer = visitor.form("/sign-in", &[("key", desk.key("all"))]);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    let (pair, rules) = cookie.split_once("; ").unwrap();
    let token = pair.split_once('=').unwrap().1;
    assert_eq!(token.len(), 43, "256 bits: {token}");
    assert_eq!(rules, "HttpOnly; SameSite=Strict; Path=/; Max-Age=43200");
    assert!(!answer.text().contains(token), "a page does not hold it");
    // Another sign-in has another token, and ends no other.
    let mut other = desk.visitor("all");
    assert!(!other.cookies.values().any(|known| known == token));
    assert!(is_in(&mut other) && is_in(&mut visitor));
    // A cookie that somebody planted before is replaced, and never taken.
    let name = pair.split_once('=').unwrap().0.to_owned();
    let mut planted = Visitor::new(desk.server.address());
    planted.cookies.insert(name.clone(), "planted".into());
    planted.sign_in(desk.key("all"), "/");
    assert_ne!(planted.cookies[&name], "planted");
}

#[test]
fn behind_tls_the_cookie_is_sent_over_tls_alone() {
    let desk = Desk::start();
    let mut visitor = Visitor::new(desk.server.address());
    visitor.get("/sign-in");
    let fields = [("csrf", visitor.csrf.as_str()), ("key", desk.key("all"))];
    let request = posted(visitor.request("POST", "/sign-in"), &fields);
    let answer = request.header("X-Forwarded-Proto", "https").send();
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
}

#[test]
fn it_leads_to_no_other_site() {
    let desk = Desk::start();
    for (next, goes) in [
        ("/runs?state=paused", "/runs?state=paused"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nSet-Cookie: x=y", "/"),
        ("\u{202e}/", "/"),
    ] {
        let mut visitor = Visitor::new(desk.server.address());
        let answer = visitor.sign_in(desk.key("all"), next);
        assert_eq!(answer.header("location"), Some(goes), "{next:?}");
    }
}

#[test]
fn the_form_is_taken_from_its_own_page_alone() {
    let desk = Desk::start();
    let mut visitor = Visitor::new(desk.server.address());
    visitor.get("/sign-in");
    let key = ("key", desk.key("all"));
    for fields in [vec![key], vec![("csrf", ""), key], vec![("csrf", "x"), key]] {
        let answer = posted(visitor.request("POST", "/sign-in"), &fields).send();
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    let own = visitor.csrf.clone();
    let fields = [("csrf", own.as_str()), key];
    for (name, value) in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let answer =
            posted(visitor.request("POST", "/sign-in"), &fields).header(name, value).send();
        assert_eq!(answer.status, 403, "{name}: {}", answer.text());
    }
    // Without the cookie of the form.
    let stranger = Visitor::new(desk.server.address());
    let answer = posted(stranger.request("POST", "/sign-in"), &fields).send();
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(posted(visitor.request("POST", "/sign-in"), &fields).send().status, 303);
}

#[test]
fn signing_out_ends_the_session_and_no_other() {
    let desk = Desk::start();
    let (mut one, mut other) = (desk.visitor("all"), desk.visitor("all"));
    let mut copied = one.clone();
    assert!(is_in(&mut one) && is_in(&mut other) && is_in(&mut copied));
    // Not by a link of another page.
    assert_eq!(one.get("/sign-out").status, 405);
    let answer = one.form("/sign-out", &[]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.ends_with("Max-Age=0")));
    assert!(!is_in(&mut one) && !is_in(&mut copied), "the cookie is worth nothing from now on");
    assert!(is_in(&mut other));
}

#[test]
fn whose_key_is_taken_away_is_signed_out() {
    let desk = Desk::start();
    let (mut caller, mut other) = (desk.visitor("caller"), desk.visitor("reviewer"));
    desk.without_key("caller");
    until("the file is read again", || !is_in(&mut caller));
    assert!(is_in(&mut other));
    let answer = caller.request("GET", "/api/approvals/pending").send();
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &"signed_out".into()));
}

#[test]
fn whoever_is_signed_in_stays_so_when_the_server_starts_again() {
    let desk = Desk::start();
    let mut visitor = desk.visitor("all");
    let csrf = visitor.csrf.clone();
    let desk = desk.started_again();
    assert!(is_in(&mut visitor));
    assert_eq!(visitor.csrf, csrf, "forms of pages that are open still hold");
    // What is kept signs nobody in.
    let folder = desk.home.state().join("sessions");
    for entry in std::fs::read_dir(&folder).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        assert!(visitor.cookies.values().all(|token| !text.contains(token)), "{text}");
        assert!(!text.contains("irk_"), "{text}");
    }
}

fn dashboard(home: &Home, more: &[&str]) -> Server {
    let words = ["dashboard", "--port", "0", "--no-open"].into_iter().chain(more.iter().copied());
    Server::of(home, home.command(words))
}

#[test]
fn the_link_of_whoever_starts_the_dashboard_signs_in_once() {
    let home = home();
    let server = dashboard(&home, &[]);
    let link = server.link().expect("a link").to_owned();
    assert!(link.starts_with("/sign-in?link="), "{link}");
    let mut visitor = Visitor::new(server.address());
    assert_eq!(visitor.get("/sign-in?link=x").status, 410);
    let answer = visitor.get(&link);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert!(is_in(&mut visitor));
    assert!(visitor.get("/").text().contains("key:local"));
    let mut late = Visitor::new(server.address());
    let answer = late.get(&link);
    assert_eq!(answer.status, 410, "{}", answer.text());
    assert!(answer.text().contains("This link was used before"));
    assert!(!is_in(&mut late));
    // The key of this machine does as well.
    assert_eq!(late.sign_in(server.key(), "/").status, 303);
    assert!(is_in(&mut late));
    server.kill();
    // Of another start there is another link.
    let server = dashboard(&home, &[]);
    assert_ne!(server.link(), Some(link.as_str()));
    assert_eq!(Visitor::new(server.address()).get(&link).status, 410);
}

#[test]
fn with_a_file_of_keys_there_is_no_link() {
    let desk = Desk::start();
    let server = dashboard(&desk.home, &["--api-key-file", "keys.toml"]);
    assert_eq!(server.link(), None);
    let mut visitor = Visitor::new(server.address());
    assert_eq!(visitor.get("/sign-in?link=").status, 200);
    assert_eq!(visitor.sign_in(desk.key("reviewer"), "/").status, 303);
}

#[test]
fn two_servers_of_one_machine_do_not_sign_each_others_people_out() {
    let (home, other) = (home(), home());
    let (one, two) = (dashboard(&home, &[]), dashboard(&other, &[]));
    let mut visitor = Visitor::new(one.address());
    visitor.get(one.link().unwrap());
    // A browser keeps the cookies of both under one name of a host.
    let mut elsewhere = Visitor::new(two.address());
    elsewhere.cookies.clone_from(&visitor.cookies);
    assert!(!is_in(&mut elsewhere));
    elsewhere.get(two.link().unwrap());
    visitor.cookies.extend(elsewhere.cookies.clone());
    assert!(is_in(&mut visitor) && is_in(&mut elsewhere));
}

#[test]
fn roles_that_cannot_be_used_are_shown_and_the_others_served() {
    let home = home();
    home.file("broken.yaml", "name: broken\nprompt: p\nmodel: nothing:x\ntols: []\n");
    let server = dashboard(&home, &["--roles-dir", "."]);
    let mut visitor = Visitor::new(server.address());
    visitor.get(server.link().unwrap());
    let page = visitor.get("/roles").text();
    assert!(page.contains("/roles/free") && page.contains("broken.yaml"), "{page}");
    assert!(page.contains("tols"), "what is wrong with it: {page}");
    assert_eq!(visitor.get(&format!("/roles/{FREE}")).status, 200);
    assert_eq!(visitor.get("/roles/broken").status, 404);
    assert!(server.warned().contains("tols"), "{}", server.warned());
}

#[test]
fn without_any_role_there_are_pages_all_the_same() {
    let home = Home::new();
    let server = dashboard(&home, &[]);
    let mut visitor = Visitor::new(server.address());
    visitor.get(server.link().unwrap());
    for path in ["/", "/roles", "/runs", "/approvals"] {
        assert_eq!(visitor.get(path).status, 200, "{path}");
    }
    assert_eq!(visitor.get("/roles/free").status, 404);
}

#[test]
fn a_server_has_pages_where_it_is_told_to() {
    let desk = Desk::start();
    let keys = ["--api-key-file", "keys.toml"];
    let plain = Server::with(&desk.home, ".", &keys);
    for path in ["/", "/sign-in", "/approvals", "/api/approvals/pending"] {
        let answer = Visitor::new(plain.address()).get(path);
        assert_eq!(answer.status, 401, "{path}: {}", answer.text());
    }
    let server = Server::with(&desk.home, ".", &["--dashboard", keys[0], keys[1]]);
    let mut visitor = Visitor::new(server.address());
    assert_eq!(visitor.sign_in(desk.key("caller"), "/").status, 303);
    assert!(is_in(&mut visitor));
    assert_eq!(visitor.get("/sign-in?link=x").status, 303, "there is no link, and they are in");
}
