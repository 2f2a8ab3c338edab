//! What is refused, and what the refusals say.

use super::*;

/// The refusal of an operator's template for an ingress node.
fn refusal(text: &str) -> String {
    let own = Template { name: "own.yaml", text };
    let edge = node(Role::Ingress, 2);
    let error = plain(&edge, &own).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(token(&edge).expose()), "the token is in {shown}");
    error.to_string()
}

#[test]
fn an_unknown_value_is_named_with_its_line() {
    insta::assert_snapshot!(refusal("#cloud-config\nhostname: {{ hostnam }}\n"));
    insta::assert_snapshot!(refusal(
        "#cloud-config\nx: {{ join_token }}\n\ny: {{ overlay.prefx }}\n"
    ));
    insta::assert_snapshot!(refusal("#cloud-config\nx: {% if rol == 'egress' %}1{% endif %}\n"));
}

#[test]
fn a_broken_template_is_named_with_its_line() {
    insta::assert_snapshot!(refusal("#cloud-config\nx: {{ join_token\n"));
    insta::assert_snapshot!(refusal("#cloud-config\n\n{% include 'other.yaml' %}\n"));
    insta::assert_snapshot!(refusal("#cloud-config\nx: {{ join_token | int }}\n"));
}

#[test]
fn what_is_no_yaml_is_refused() {
    insta::assert_snapshot!(refusal("#cloud-config\nx: [{{ join_token }}\n"));
    insta::assert_snapshot!(refusal("#cloud-config\nx: {{ join_token }}\nx: 2\n"));
    let raw = refusal("#cloud-config\nx: {{ join_token|safe }}: [\n");
    assert!(raw.contains("own.yaml gives no YAML: line"), "{raw}");
}

#[test]
fn what_cloud_init_would_not_take_for_its_configuration_is_refused() {
    insta::assert_snapshot!(refusal("x: {{ join_token }}\n"));
    insta::assert_snapshot!(refusal("#cloud-config\n- {{ join_token }}\n"));
    insta::assert_snapshot!(refusal("#!/bin/sh\necho {{ join_token }}\n"));
}

#[test]
fn a_node_without_its_token_could_not_join_and_one_with_two_gives_it_away() {
    insta::assert_snapshot!(refusal("#cloud-config\nhostname: {{ node }}\n"));
    insta::assert_snapshot!(refusal("#cloud-config\nx: [{{ join_token }}, {{ join_token }}]\n"));
}

#[test]
fn the_limit_itself_fits_and_one_byte_less_does_not() {
    let edge = node(Role::Ingress, 2);
    let template = Template::built_in(Role::Ingress);
    let size = plain(&edge, &template).unwrap().expose().len();
    let with =
        |limit| stamped(&edge, "example", "https://controller.example:8443", &template, limit);
    assert!(with(size).is_ok());
    let error = with(size - 1).unwrap_err();
    let name = template.name.to_owned();
    assert_eq!(error, BootstrapError::TooBig { template: name, size, limit: size - 1 });
}

#[test]
fn user_data_is_not_seen_in_debug_output() {
    let data = built_in(Role::Ingress);
    assert_eq!(format!("{data:?}"), format!("UserData({} bytes)", data.expose().len()));
}
