//! Where user data comes from.

use damm_fleet::Role;

/// A cloud-init template in the language of Jinja.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template<'a> {
    /// What errors call it: the file's path as the topology gives it.
    pub name: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl Template<'static> {
    /// The template that nodes of a role get when their profile names no other.
    pub const fn built_in(role: Role) -> Self {
        match role {
            Role::Ingress => Self {
                name: "the built-in one for ingress",
                text: include_str!("../../templates/ingress.yaml"),
            },
            Role::Egress => Self {
                name: "the built-in one for egress",
                text: include_str!("../../templates/egress.yaml"),
            },
        }
    }
}
