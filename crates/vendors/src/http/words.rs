//! What an error repeats of a vendor's answer: its words, and nothing that has to stay secret.

use serde_json::Value;

use super::ask::Reply;

/// The longest text that an error repeats, in characters.
const LONGEST: usize = 300;

/// The shortest word without a space that is taken for a secret or a piece of one. Identifiers of
/// vendors are shorter, or are written with hyphens.
const OPAQUE: usize = 32;

/// The vendor's words in a reply of any kind: the message of a JSON body, the title of an HTML
/// page, the first line of a text.
pub fn of(reply: &Reply) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    let said = match serde_json::from_str::<Value>(&text) {
        Ok(value) => messages(&value),
        Err(_) if text.trim_start().starts_with('<') => title(&text),
        Err(_) => text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().to_owned(),
    };
    match said.trim() {
        "" => format!("status {} without a word", reply.status),
        said => said.to_owned(),
    }
}

/// All texts that stand under the keys that vendors put messages under.
fn messages(value: &Value) -> String {
    const KEYS: [&str; 7] =
        ["message", "reason", "detail", "error", "faultstring", "error_message", "title"];
    let mut found = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(fields) => {
                let said = KEYS.iter().find_map(|k| fields.get(*k)?.as_str());
                found.extend(said.map(str::to_owned));
                open.extend(fields.values().filter(|v| v.is_object() || v.is_array()));
            }
            _ => {}
        }
    }
    found.truncate(4);
    found.join("; ")
}

fn title(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let inside = |tag: &str| {
        let start = lower.find(&format!("<{tag}>"))? + tag.len() + 2;
        let end = lower[start..].find("</")? + start;
        html.get(start..end).map(|t| t.trim().to_owned())
    };
    inside("title").or_else(|| inside("h1")).unwrap_or_else(|| "a page of HTML".to_owned())
}

/// A text as an error may show it: on one line, cut, without any of these secrets and without any
/// long opaque word.
pub fn fit(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|s| s.len() >= 4) {
        text = text.replace(*secret, "[secret]");
    }
    let words = text.split_whitespace().map(|word| if opaque(word) { "[…]" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    match line.chars().count() > LONGEST {
        true => line.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => line,
    }
}

/// Whether a word looks like a key, a token or encoded data rather than like language or a name.
fn opaque(word: &str) -> bool {
    let mut longest = 0;
    let mut run = 0;
    for c in word.chars() {
        let data = c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '=');
        run = if data { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest >= OPAQUE
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;

    fn words(body: &str) -> String {
        let body = Bytes::copy_from_slice(body.as_bytes());
        of(&Reply { status: 500, headers: HeaderMap::new(), body })
    }

    #[test]
    fn messages_are_found_in_every_vendors_shape() {
        let shapes = [
            r#"{"error":{"code":"locked","message":"it is locked"}}"#,
            r#"{"errors":[{"reason":"it is locked","field":"label"}]}"#,
            r#"{"id":"unprocessable_entity","message":"it is locked"}"#,
            r#"{"error":"it is locked","status":500}"#,
            r#"{"badRequest":{"code":400,"message":"it is locked"}}"#,
            r#"{"NeutronError":{"type":"X","message":"it is locked","detail":""}}"#,
            r#"{"faultcode":"Client","faultstring":"it is locked"}"#,
            "<html><head><title>it is locked</title></head><body>x</body></html>",
            "it is locked\nand more",
        ];
        for shape in shapes {
            assert_eq!(words(shape), "it is locked", "{shape}");
        }
    }

    #[test]
    fn bodies_that_say_nothing_are_survived() {
        for body in ["", " \n", "{}", "[]", "null", "{\"message\":7}"] {
            assert_eq!(words(body), "status 500 without a word", "{body}");
        }
        assert_eq!(words("<html>"), "a page of HTML");
        assert_eq!(words("<title>"), "a page of HTML");
    }

    #[test]
    fn secrets_and_encoded_data_are_blacked_out_and_long_texts_cut() {
        let token = "hunter2-of-the-account";
        let data = "I2Nsb3VkLWNvbmZpZwpqb2luOiBzZWNyZXQK";
        let text = format!("bad token {token} in user_data={data}\nat line 1");
        let shown = fit(&text, &[token]);
        assert_eq!(shown, "bad token [secret] in […] at line 1");
        assert_eq!(fit(&"ab ".repeat(500), &[]).chars().count(), LONGEST);
    }

    #[test]
    fn identifiers_stay_readable() {
        let text = "server 0f6e4b9c-8d2b-4c1e-9a53-5a1b2c3d4e5f of i-0123456789abcdef0 is locked";
        assert_eq!(fit(text, &[]), text);
    }
}
