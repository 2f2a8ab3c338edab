//! What an account says of its region. Limits of machines are of processors and stand in another
//! service; prices as well.

use async_trait::async_trait;
use damm_clouds::traits::Result;

use super::Aws;
use super::xml::Element;
use crate::look::{Look, Place, Quota, Size};

/// The limit of elastic addresses, by the vendor's name.
const ADDRESSES: &str = "vpc-max-elastic-ips";

/// What `DescribeAccountAttributes` says of the addresses.
fn limit(answer: &Element) -> Option<u64> {
    let mut attributes = answer.items("accountAttributeSet", "item");
    let found = attributes.find(|a| a.text(&["attributeName"]) == Some(ADDRESSES))?;
    let value = found.items("attributeValueSet", "item").next()?;
    value.text(&["attributeValue"])?.parse().ok()
}

fn place(item: &Element) -> Option<Place> {
    let (name, region) = (item.text(&["zoneName"])?, item.text(&["regionName"])?);
    Some(Place { name: name.to_owned(), title: format!("a zone of {region}") })
}

fn size(item: &Element) -> Option<Size> {
    Some(Size {
        name: item.text(&["instanceType"])?.to_owned(),
        cores: item.text(&["vCpuInfo", "defaultVCpus"])?.parse().ok()?,
        memory: item.text(&["memoryInfo", "sizeInMiB"])?.parse().ok()?,
        price: None,
    })
}

#[async_trait]
impl Look for Aws {
    async fn quotas(&self) -> Result<Vec<Quota>> {
        let operation = "look at the account";
        let attributes = self.ec2(operation, "DescribeAccountAttributes");
        let attributes = self.ec2.call(&attributes.with("AttributeName.1", ADDRESSES)).await?;
        let held = self.ec2.call(&self.ec2(operation, "DescribeAddresses")).await?;
        let used = held.items("addressesSet", "item").count() as u64;
        let what = "addresses".to_owned();
        Ok(vec![Quota { what, used: Some(used), limit: limit(&attributes) }])
    }

    /// Zones; `locations` takes the region's own name too, which leaves the choice to the vendor.
    async fn places(&self) -> Result<Vec<Place>> {
        let query = self.ec2("list zones", "DescribeAvailabilityZones");
        let answer = self.ec2.call(&query.filter(1, "state", &["available"])).await?;
        let zones = answer.items("availabilityZoneInfo", "item").filter_map(place);
        let any = "wherever there is room".to_owned();
        let region = Place { name: self.region.clone(), title: any };
        Ok([region].into_iter().chain(zones).collect())
    }

    async fn sizes(&self) -> Result<Vec<Size>> {
        let query = self.ec2("list sizes", "DescribeInstanceTypes").with("MaxResults", "100");
        let current = query.filter(1, "current-generation", &["true"]);
        let pages = self.ec2.pages(&current).await?;
        let items = pages.iter().flat_map(|p| p.items("instanceTypeSet", "item"));
        Ok(items.filter_map(size).collect())
    }
}
