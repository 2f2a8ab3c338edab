//! From a template and a node to user data.

use std::fmt;

use damm_fleet::Node;
use damm_fleet::topology::Backbone;
use damm_protocol::Pin;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde_json::json;
use serde_saphyr::UserMessageFormatter;

use super::error::BootstrapError;
use super::template::Template;
use super::token::JoinToken;

/// What is stamped into a machine's user data.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The fleet's name.
    pub fleet: &'a str,
    /// The node, with its front doors or egress addresses. Their addresses come later, as orders.
    pub node: &'a Node,
    /// The blueprint's generation.
    pub generation: u64,
    /// The overlay, and where the controller is reached.
    pub backbone: &'a Backbone,
    /// The only key that the controller may show to the agent.
    pub pin: Pin,
    /// What the agent joins with.
    pub token: &'a JoinToken,
}

/// User data, ready for a provider. It holds a one-time secret.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData(String);

impl UserData {
    /// The text, to be sent to the provider and written nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text itself.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({} bytes)", self.0.len())
    }
}

/// Renders a template for a node, and checks what comes out; `limit` is the most bytes of user data
/// that the provider takes.
///
/// # Errors
///
/// [`BootstrapError`], which names the template and says what to do.
pub fn render(
    stamp: &Stamp<'_>,
    template: &Template<'_>,
    limit: usize,
) -> Result<UserData, BootstrapError> {
    let text = fill(stamp, template)?;
    check(&text, stamp.token, template, limit)?;
    Ok(UserData(text))
}

/// What templates may ask for, by name.
fn values(stamp: &Stamp<'_>) -> serde_json::Value {
    let node = stamp.node;
    let doors = node
        .frontdoors
        .values()
        .map(|d| json!({ "id": d.id, "transport": d.transport.kind, "port": d.transport.port }));
    json!({
        "fleet": stamp.fleet,
        "node": node.id,
        "role": node.role,
        "region": node.region,
        "profile": node.profile,
        "generation": stamp.generation,
        "controller": stamp.backbone.controller,
        "pin": stamp.pin,
        "overlay": { "prefix": stamp.backbone.prefix, "port": stamp.backbone.port },
        "frontdoors": doors.collect::<Vec<_>>(),
        "egress_ips": node.egress_ips.keys().collect::<Vec<_>>(),
        "join_token": stamp.token.expose(),
    })
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // Errors can then say which part of a line they mean.
    env.set_debug(true);
    // Whatever the file is called: every value is written as JSON.
    env.set_auto_escape_callback(|_| AutoEscape::Json);
    env
}

fn fill(stamp: &Stamp<'_>, template: &Template<'_>) -> Result<String, BootstrapError> {
    let values = values(stamp);
    let env = environment();
    let explain = |error| explain(&error, stamp.token, template, &values);
    let parsed = env.template_from_named_str(template.name, template.text).map_err(explain)?;
    let mut text = parsed.render(minijinja::value::Serde(&values)).map_err(explain)?;
    // The template language drops the last newline.
    text.push('\n');
    Ok(text)
}

fn explain(
    error: &minijinja::Error,
    token: &JoinToken,
    template: &Template<'_>,
    values: &serde_json::Value,
) -> BootstrapError {
    let line = error.line().unwrap_or(1);
    if error.kind() == ErrorKind::UndefinedError {
        let asked = error.range().and_then(|range| template.text.get(range)).unwrap_or("?");
        return BootstrapError::UnknownValue {
            template: template.name.to_owned(),
            line,
            asked: asked.to_owned(),
            known: known(values).join(", "),
        };
    }
    let problem = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    BootstrapError::Syntax {
        template: template.name.to_owned(),
        line,
        problem: without(token, &problem),
    }
}

/// The names of all values, those within a mapping with its name before them.
fn known(values: &serde_json::Value) -> Vec<String> {
    let entries = values.as_object().into_iter().flatten();
    entries
        .flat_map(|(name, value)| match value.as_object() {
            Some(inner) => inner.keys().map(|k| format!("{name}.{k}")).collect(),
            None => vec![name.clone()],
        })
        .collect()
}

/// Messages of libraries may show the text that they stumbled over.
fn without(token: &JoinToken, message: &str) -> String {
    message.replace(token.expose(), "[join token]")
}

fn check(
    text: &str,
    token: &JoinToken,
    template: &Template<'_>,
    limit: usize,
) -> Result<(), BootstrapError> {
    let name = || template.name.to_owned();
    symbols(text, template)?;
    cloud_config(text, token, template)?;
    let times = text.matches(token.expose()).count();
    if times != 1 {
        return Err(BootstrapError::Token { template: name(), times });
    }
    if text.len() > limit {
        return Err(BootstrapError::TooBig { template: name(), size: text.len(), limit });
    }
    Ok(())
}

/// Refuses what YAML 1.1 counts as a line break beside the newline, and what it can't hold at all
/// (sections 4.1 and 4.2 of its specification).
fn symbols(text: &str, template: &Template<'_>) -> Result<(), BootstrapError> {
    let odd = |c: char| match c {
        '\n' | '\t' => false,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    };
    match text.find(odd) {
        None => Ok(()),
        Some(at) => Err(BootstrapError::Symbol {
            template: template.name.to_owned(),
            line: text[..at].matches('\n').count() + 1,
            symbol: text[at..].chars().next().map_or(0, u32::from),
        }),
    }
}

fn cloud_config(
    text: &str,
    token: &JoinToken,
    template: &Template<'_>,
) -> Result<(), BootstrapError> {
    let wrong =
        |problem| BootstrapError::NotCloudConfig { template: template.name.to_owned(), problem };
    // cloud-init looks at the first line alone to tell what user data is.
    if text.lines().next().map(str::trim_end) != Some("#cloud-config") {
        return Err(wrong("its first line is not `#cloud-config`"));
    }
    let parsed: serde_json::Value =
        serde_saphyr::from_str(text).map_err(|e| BootstrapError::NotYaml {
            template: template.name.to_owned(),
            line: e.location().map_or(0, |at| at.line()),
            problem: without(
                token,
                &e.without_snippet().render_with_formatter(&UserMessageFormatter),
            ),
        })?;
    match parsed.is_object() {
        true => Ok(()),
        false => Err(wrong("it holds no mapping")),
    }
}
