//! The examples of `docs/policies.md`, loaded and asked.

use crate::common::{approval, lines, request, source, words};
use initrunner_cedar::Cedar;
use initrunner_sdk::policy::SourceKind;

const PAGE: &str = include_str!("../../../../docs/policies.md");

/// The fenced blocks of a text, each with its word.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(word) = line.strip_prefix("```").filter(|word| !word.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push((word, block.join("\n")));
    }
    found
}

#[test]
fn every_example_answers_as_the_page_says() {
    let tools = blocks(PAGE).into_iter().find(|(word, _)| *word == "tools").unwrap().1;
    let declared: serde_json::Value = serde_json::from_str(&tools).unwrap();
    let (mut sets, mut answers) = (0, 0);
    for section in PAGE.split("\n### ") {
        let mut sources = vec![source(SourceKind::Tools, "tools", &tools)];
        for (word, text) in blocks(section) {
            match word {
                "cedarschema" => sources.push(source(SourceKind::Schema, "s.cedarschema", &text)),
                "entities" => sources.push(source(SourceKind::Entities, "people.json", &text)),
                // Each set of policies replaces the one before.
                "cedar" => {
                    sources.retain(|source| source.kind != SourceKind::Policies);
                    sources.push(source(SourceKind::Policies, "policies.cedar", &text));
                    sets += 1;
                }
                "answers" => {
                    let (cedar, summary) =
                        Cedar::load(&sources).unwrap_or_else(|found| panic!("{}", lines(&found)));
                    assert_eq!(lines(&summary.warnings), "");
                    for line in text.lines() {
                        let (asked, expected) = line.split_once(" → ").unwrap();
                        let asked: Vec<&str> = asked.split(' ').collect();
                        let mut call = match asked[..] {
                            ["approve", who, tool, arguments] => {
                                approval(&declared, tool, arguments, who)
                            }
                            [tool, arguments] => request(&declared, tool, arguments),
                            _ => panic!("{line}"),
                        };
                        call.requester = "os:ops".to_owned();
                        call.agent.name = "clerk".to_owned();
                        assert_eq!(words(&cedar.decide(&call)), expected, "{line}");
                        answers += 1;
                    }
                }
                _ => {}
            }
        }
    }
    assert!(sets >= 4 && answers >= 15, "{sets} sets and {answers} answers were found");
}
