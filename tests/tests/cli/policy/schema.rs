//! `policy schema`: what policies can be written about, whatever those are that a role has.

use super::{ALL, check, with_cedar, with_policies};
use expect_test::expect;
use initrunner_tests::home::Home;

#[test]
fn a_schema_is_printed_whatever_the_policies_are() {
    let schema = |home: &Home| home.run(["policy", "schema", "role.yaml"]);
    let plain = schema(&with_policies(""));
    assert!(plain.stdout.contains("action \"shell\" in ["), "{plain}");
    assert_eq!(plain.code, Some(0));
    // Folders that are empty or not there, and policies that are no Cedar.
    assert_eq!(schema(&with_policies("policy: {sources: [policies/]}\n")).stdout, plain.stdout);
    assert_eq!(schema(&with_cedar(&[])).stdout, plain.stdout);
    assert_eq!(schema(&with_cedar(&[("a.cedar", "permit (")])).stdout, plain.stdout);
    let own = schema(&with_cedar(&[
        ("a.cedar", "permit ("),
        ("s.cedarschema", "entity Reviewer in [Group] = { limit?: Long };\n"),
    ]));
    assert!(own.stdout.contains("limit?: Long"), "{own}");
    // What is wrong with a schema of the role's is told.
    let home = with_cedar(&[("a.cedar", ALL), ("broken.cedarschema", "entity")]);
    check(
        &home,
        &schema(&home),
        expect![[r#"
        ! error: policies/broken.cedarschema:1:7: error parsing schema: unexpected end of input
        !   hint: expected identifier
        = 65
    "#]],
    );
    // Of several components each that has one, and where it is named.
    let home = with_policies(
        "policy:\n  - {sources: [a]}\n  - {component: hours, sources: [hours.toml]}\n  - {sources: [b]}\n",
    );
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 5\n");
    let both = format!("// `cedar` of line 6\n{0}// `cedar` of line 8\n{0}", plain.stdout);
    assert_eq!(schema(&home).stdout, both);
    let home = with_policies("policy: {component: hours, sources: [hours.toml]}\n");
    home.file("hours.toml", "[[rate]]\ntools = [\"shell\"]\ncalls = 5\n");
    check(
        &home,
        &schema(&home),
        expect![[r#"
        ! error: the policy component `hours` has no schema; only a component that checks its policies against one has such a thing, as `cedar` does
        = 1
    "#]],
    );
}
