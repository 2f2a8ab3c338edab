//! XML as AWS answers it: elements and texts. Attributes and namespaces mean nothing there.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// Elements within elements are no deeper than this at AWS; deeper ones are somebody's joke.
const DEEPEST: usize = 64;

/// One element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, without a namespace.
    pub name: String,
    /// The text in it, without space around it.
    pub text: String,
    /// The elements in it, in their order.
    pub children: Vec<Self>,
}

impl Element {
    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.all(name).next()
    }

    /// All children of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// What is found along a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The text that is found along a path of names; none where it is empty.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(|e| e.text.as_str()).filter(|t| !t.is_empty())
    }

    /// The children of a name in a list, or nothing where the list is missing.
    pub fn items(&self, list: &str, item: &str) -> impl Iterator<Item = &Self> {
        self.all(list).flat_map(move |list| list.all(item))
    }

    /// The first element of a name at any depth.
    pub fn find(&self, name: &str) -> Option<&Self> {
        match self.name == name {
            true => Some(self),
            false => self.children.iter().find_map(|c| c.find(name)),
        }
    }
}

/// A whole document: its outermost element. None where it is no XML, or breaks off.
pub fn read(body: &[u8]) -> Option<Element> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    // The last is the one that is open; the first stands for the document.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) if open.len() <= DEEPEST => open.push(element(&tag)),
            Event::Start(_) => return None,
            Event::Empty(tag) => open.last_mut()?.children.push(element(&tag)),
            Event::End(_) => {
                let mut done = open.pop()?;
                done.text = done.text.trim().to_owned();
                open.last_mut()?.children.push(done);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::CData(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref().ok()? {
                Some(c) => open.last_mut()?.text.push(c),
                None => open.last_mut()?.text.push_str(resolve_predefined_entity(&name)?),
            },
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop()?, open.is_empty()) {
        (document, true) if document.children.len() == 1 => document.children.into_iter().next(),
        _ => None,
    }
}

fn element(tag: &quick_xml::events::BytesStart<'_>) -> Element {
    let name = tag.local_name().as_ref().to_owned();
    Element { name, ..Element::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_texts_are_read() {
        let body = br#"<?xml version="1.0"?>
            <R xmlns="x"><set><item><a>1 &amp; &#50;</a></item><item/></set><b> c </b></R>"#;
        let root = read(body).unwrap();
        assert_eq!((root.name.as_str(), root.text(&["b"])), ("R", Some("c")));
        let items: Vec<_> = root.items("set", "item").map(|i| i.text(&["a"])).collect();
        assert_eq!(items, [Some("1 & 2"), None]);
        assert_eq!(root.find("a").unwrap().text, "1 & 2");
        assert_eq!(root.items("none", "item").count(), 0);
    }

    #[test]
    fn what_is_no_whole_document_is_none() {
        let deep = "<a>".repeat(100) + &"</a>".repeat(100);
        for body in ["", "x", "<a>", "<a><b></a>", "<a/><b/>", "{}", "<a>&nope;</a>", &deep] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        assert_eq!(read(b"<a>\xff</a>"), None);
    }
}
