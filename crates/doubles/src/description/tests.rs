//! The check finds what it is there to find.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::asked::Luck;

const DESCRIBED: Described = Described {
    file: "none.json",
    base: "/v1",
    prefix: "",
    faults: &[KnownFault {
        operation: "POST /servers",
        complaint: "`legacy`",
        why: "this description is made up",
    }],
};

fn description() -> Description {
    let mut document = json!({
        "openapi": "3.0.3",
        "paths": {
            "/servers": {
                "parameters": [{ "name": "page", "in": "query", "schema": { "type": "integer" } }],
                "get": { "responses": { "200": { "$ref": "#/components/responses/Many" } } },
                "post": {
                    "requestBody": { "required": true, "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/New" } } } },
                    "responses": { "201": {}, "4XX": {} },
                },
            },
            "/servers/{id}": { "delete": {
                "parameters": [{ "name": "id", "in": "path", "required": true,
                    "schema": { "type": "integer" } }],
                "responses": { "204": {} },
            } },
        },
        "components": {
            "schemas": {
                "New": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string" },
                    "note": { "type": "string", "nullable": true },
                } },
            },
            "responses": { "Many": { "content": { "application/json": { "schema": {
                "type": "object", "required": ["servers"],
            } } } } },
        },
    });
    schemas::plain(&mut document);
    let document = Arc::new(document);
    let schemas = Schemas::of(document.clone());
    Description { described: DESCRIBED, document, schemas }
}

fn asked(method: &str, path: &str, query: &[(&str, &str)], body: Value) -> Asked {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Asked {
        method: method.to_owned(),
        path: format!("/v1{path}"),
        query: query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        headers: Vec::new(),
        body: Bytes::from(body),
        luck: Luck::default(),
        raw_query: None,
    }
}

fn told(asked: &Asked, answer: &Answer) -> String {
    description().complaints(asked, answer).join("; ")
}

#[test]
fn what_is_as_described_is_not_complained_of() {
    let many = Answer::json(200, &json!({ "servers": [] }));
    assert_eq!(told(&asked("GET", "/servers", &[("page", "2")], Value::Null), &many), "");
    let new = json!({ "name": "a", "note": null });
    assert_eq!(told(&asked("POST", "/servers", &[], new), &Answer::empty(201)), "");
    let delete = asked("DELETE", "/servers/7", &[], Value::Null);
    assert_eq!(told(&delete, &Answer::empty(204)), "");
}

#[test]
fn a_parameter_of_another_type_or_name_is_complained_of() {
    let many = Answer::json(200, &json!({ "servers": [] }));
    let of = |query: &[_]| told(&asked("GET", "/servers", query, Value::Null), &many);
    assert!(of(&[("page", "two")]).contains("query parameter `page`"));
    assert!(of(&[("paeg", "2")]).contains("no query parameter `paeg`"));
    let delete = asked("DELETE", "/servers/seven", &[], Value::Null);
    assert!(told(&delete, &Answer::empty(204)).contains("path parameter `id`"));
}

#[test]
fn a_body_that_lacks_something_or_is_missing_is_complained_of() {
    let of = |body| told(&asked("POST", "/servers", &[], body), &Answer::empty(201));
    assert!(of(json!({ "note": "a" })).contains("\"name\" is a required property"));
    assert!(of(json!({ "name": "a", "note": 1 })).contains("at `/note`"));
    assert!(of(Value::Null).contains("the body is missing"));
}

#[test]
fn an_answer_that_is_not_as_described_is_complained_of() {
    let get = asked("GET", "/servers", &[], Value::Null);
    assert!(told(&get, &Answer::json(200, &json!({}))).contains("\"servers\" is a required"));
    assert!(told(&get, &Answer::empty(500)).contains("an answer 500 is not described"));
    let none = asked("GET", "/volumes", &[], Value::Null);
    assert!(told(&none, &Answer::empty(200)).contains("no such operation"));
}

#[test]
fn a_known_fault_is_not_complained_of() {
    let query = [("legacy", "1")];
    let post = asked("POST", "/servers", &query, json!({ "name": "a" }));
    assert_eq!(told(&post, &Answer::empty(201)), "");
}
