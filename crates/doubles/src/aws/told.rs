//! What EC2 says of the account and of the region.

use super::Account;
use super::form::{Form, Said};

/// The region's zones, of which one takes nothing new.
const ZONES: [(&str, &str); 3] =
    [("eu-north-1a", "available"), ("eu-north-1b", "available"), ("eu-north-1c", "impaired")];

impl Account {
    pub(super) fn describe_account(&self, form: &Form) -> Said {
        form.only(&["AttributeName.*"])?;
        let asked = form.list("AttributeName");
        let all = [("vpc-max-elastic-ips", self.address_quota), ("max-instances", 20)];
        let shown = all.iter().filter(|(name, _)| asked.is_empty() || asked.contains(name));
        let items = shown.map(|(name, value)| {
            format!(
                "<item><attributeName>{name}</attributeName><attributeValueSet><item>\
                 <attributeValue>{value}</attributeValue></item></attributeValueSet></item>"
            )
        });
        Ok(format!("<accountAttributeSet>{}</accountAttributeSet>", items.collect::<String>()))
    }

    pub(super) fn describe_zones(&self, form: &Form) -> Said {
        form.only(&["Filter.*"])?;
        let filters = form.filters();
        let fits = |state: &str| filters.iter().all(|(f, v)| *f == "state" && v.contains(&state));
        let items = ZONES.iter().filter(|(_, state)| fits(state)).map(|(name, state)| {
            format!(
                "<item><zoneName>{name}</zoneName><zoneState>{state}</zoneState>\
                 <regionName>eu-north-1</regionName></item>"
            )
        });
        Ok(format!("<availabilityZoneInfo>{}</availabilityZoneInfo>", items.collect::<String>()))
    }
}
