//! What is looked at before an order for a machine is sent.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::MachineOrder;

/// Why user data can't be taken, in words; nothing where it can. Vendors don't tell alike: some
/// make a machine that never joins of what is empty.
///
/// # Errors
///
/// When it is empty, or longer than so many bytes.
pub fn user_data_fits(order: &MachineOrder, limit: usize) -> Result<(), String> {
    match order.user_data.len() {
        0 => Err("the machine would have no user data, and so never join".to_owned()),
        n if n > limit => Err(format!(
            "the user data has {n} bytes, and the vendor takes {limit}: shorten the bootstrap file"
        )),
        _ => Ok(()),
    }
}

/// User data in each form that a vendor may quote it in.
pub fn private_forms(user_data: &str) -> [String; 3] {
    let written = serde_json::Value::from(user_data).to_string();
    let inner = written.trim_matches('"').to_owned();
    [user_data.to_owned(), inner, BASE64_STANDARD.encode(user_data)]
}

#[cfg(test)]
mod tests {
    use damm_clouds::Tag;
    use damm_fleet::Seed;

    use super::*;

    #[test]
    fn user_data_is_there_and_fits() {
        let tag = Tag { fleet: "a".to_owned(), subject: Seed::from_number(1).node().into() };
        let order = |length: usize| MachineOrder {
            tag: tag.clone(),
            idempotency_key: "1".to_owned(),
            machine: "small".to_owned(),
            location: "here".to_owned(),
            user_data: "x".repeat(length),
        };
        let fits = [0, 1, 8, 9].map(|n| user_data_fits(&order(n), 8).is_ok());
        assert_eq!(fits, [false, true, true, false]);
    }

    #[test]
    fn user_data_is_private_in_every_form() {
        let [plain, in_json, in_base64] = private_forms("a\n\"b\"");
        assert_eq!((plain.as_str(), in_json.as_str()), ("a\n\"b\"", r#"a\n\"b\"#));
        assert_eq!(in_base64, "YQoiYiI=");
    }
}
