//! The topology that a newcomer starts from.

/// The text of [`starter`], with a name of its own.
const TEXT: &str = include_str!("starter.json");

/// A small topology on the embedded cloud, with comments, for a fleet of this name: JSON that
/// [`load`](super::load) takes without a warning, as long as `fleet` is a name.
pub fn starter(fleet: &str) -> String {
    TEXT.replace("FLEET", fleet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_is_taken_without_a_warning_and_bears_the_name_it_was_given() {
        let loaded = super::super::load_with_warnings("damm.json", &starter("my-fleet")).unwrap();
        assert_eq!(loaded.warnings.to_string(), "");
        assert_eq!(loaded.topology.fleet, "my-fleet");
    }
}
