//! Parameters of the query interfaces, and what they are answered with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::answer::Answer;
use crate::asked::Asked;

/// A refusal: a status, a code and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No(pub u16, pub &'static str, pub String);

/// The inside of an answer, or a refusal.
pub type Said = Result<String, No>;

/// A refusal of the usual status.
pub fn no<T>(code: &'static str, words: impl Into<String>) -> Result<T, No> {
    Err(No(400, code, words.into()))
}

/// A call's parameters.
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a request.
    pub fn of(asked: &Asked) -> Self {
        Self(asked.form().into_iter().collect())
    }

    /// A parameter that is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that has to be there.
    pub fn need(&self, name: &str) -> Result<&str, No> {
        let words = || format!("The request must contain the parameter {name}");
        self.get(name).ok_or_else(|| No(400, "MissingParameter", words()))
    }

    /// The values of a list, as in `InstanceId.1`.
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|n| self.get(&format!("{name}.{n}"))).collect()
    }

    /// Refuses parameters that no call of this name has. A star stands for what follows a dot.
    pub fn only(&self, names: &[&str]) -> Result<(), No> {
        let known = |given: &str| {
            names.iter().chain(&["Action", "Version"]).any(|name| match name.strip_suffix(".*") {
                Some(list) => given.strip_prefix(list).is_some_and(|rest| rest.starts_with('.')),
                None => *name == given,
            })
        };
        match self.0.keys().find(|given| !known(given)) {
            Some(given) => {
                no("UnknownParameter", format!("The parameter {given} is not recognized"))
            }
            None => Ok(()),
        }
    }

    /// The filters of a listing, with the values that each lets through.
    pub fn filters(&self) -> BTreeMap<&str, Vec<&str>> {
        let filter = |n| {
            let name = self.get(&format!("Filter.{n}.Name"))?;
            Some((name, self.list(&format!("Filter.{n}.Value"))))
        };
        (1..).map_while(filter).collect()
    }

    /// The tags that a kind of resource is made with.
    pub fn tags(&self, kind: &str) -> Result<BTreeMap<String, String>, No> {
        let mut found = BTreeMap::new();
        for at in (1..).map(|n| format!("TagSpecification.{n}")) {
            let Some(of) = self.get(&format!("{at}.ResourceType")) else {
                break;
            };
            let known = ["instance", "volume", "network-interface", "elastic-ip"];
            if !known.contains(&of) {
                return no("InvalidParameterValue", format!("'{of}' is not a valid taggable type"));
            }
            for tag in (1..).map(|n| format!("{at}.Tag.{n}")) {
                let Some(key) = self.get(&format!("{tag}.Key")).filter(|_| of == kind) else {
                    break;
                };
                let value = self.get(&format!("{tag}.Value")).unwrap_or_default();
                if key.len() > 128 || value.len() > 256 || key.starts_with("aws:") {
                    return no("InvalidParameterValue", "Tag keys or values are too long");
                }
                found.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(found)
    }

    /// All parameters but one, in one text: what two calls are compared by.
    pub fn without(&self, name: &str) -> String {
        let rest: Vec<_> = self.0.iter().filter(|(n, _)| *n != name).collect();
        format!("{rest:?}")
    }
}

/// Whether a thing's tags get through a filter of listings; none where it is about no tag.
pub fn by_tag(tags: &BTreeMap<String, String>, filter: &str, values: &[&str]) -> Option<bool> {
    let held = tags.get(filter.strip_prefix("tag:")?);
    Some(held.is_some_and(|v| values.iter().any(|pattern| fits(pattern, v))))
}

/// Whether a text fits a pattern whose stars stand for anything.
pub fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|left| {
            (0..=left.len()).filter(|i| left.is_char_boundary(*i)).any(|i| fits(rest, &left[i..]))
        }),
    }
}

/// Tags as answers show them.
pub fn tag_set(tags: &BTreeMap<String, String>) -> String {
    let items = tags.iter().fold(String::new(), |mut text, (key, value)| {
        // Writing to a text can't fail.
        let _ = write!(
            text,
            "<item><key>{}</key><value>{}</value></item>",
            escaped(key),
            escaped(value)
        );
        text
    });
    format!("<tagSet>{items}</tagSet>")
}

/// A text between tags.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}

/// The text of an XML element's inside.
pub fn unescaped(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// An answer of EC2.
pub fn ec2(action: &str, said: Said) -> Answer {
    match said {
        Ok(inside) => xml(
            200,
            &format!(
                "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                 <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>{inside}\
                 </{action}Response>"
            ),
        ),
        Err(No(status, code, words)) => xml(
            status,
            &format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{}</Message></Error></Errors>\
                 <RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>",
                escaped(&words)
            ),
        ),
    }
}

/// An answer of ELBv2.
pub fn elb(action: &str, said: Said) -> Answer {
    let name = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
    match said {
        Ok(inside) => xml(
            200,
            &format!(
                "<{action}Response xmlns=\"{name}\"><{action}Result>{inside}</{action}Result>\
                 <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
            ),
        ),
        Err(no) => sender(name, &no),
    }
}

/// A refusal as ELBv2 and Route 53 write it.
pub fn sender(namespace: &str, No(status, code, words): &No) -> Answer {
    xml(
        *status,
        &format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{}</Message></Error><RequestId>1</RequestId></ErrorResponse>",
            escaped(words)
        ),
    )
}

/// A document.
pub fn xml(status: u16, inside: &str) -> Answer {
    Answer::xml(status, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{inside}"))
}
