//! The image that machines are made from.

use damm_clouds::Error;
use damm_fleet::FailureClass;

use super::Aws;
use super::xml::Element;

/// What it is called in errors.
const OPERATION: &str = "look for the image";

/// An image, as a machine is made from it.
pub struct Image {
    /// The vendor's name for it.
    pub id: String,
    /// The device of its first volume and the snapshot that it is made from, where the volume would
    /// outlive a machine.
    pub outliving: Option<(String, String)>,
}

impl Aws {
    /// The image for a size of machine. The topology names it by its id, or as `OWNER/NAME`: an
    /// account's number and a name that may hold `*`, of which the newest is taken. `{arch}` in it
    /// stands for `arm64` or `amd64`. A name alone is one of the account's own images: anybody may
    /// publish an image of any name.
    ///
    /// # Errors
    ///
    /// `Rejected` when there is none.
    pub async fn image(&self, machine: &str) -> Result<Image, Error> {
        let asked = self.image.replace("{arch}", architecture(machine));
        let query = self.ec2(OPERATION, "DescribeImages");
        let query = match asked.split_once('/') {
            _ if asked.starts_with("ami-") => query.with("ImageId.1", &asked),
            Some((owner, name)) => query.with("Owner.1", owner).filter(1, "name", &[name]),
            None => query.with("Owner.1", "self").filter(1, "name", &[&asked]),
        };
        let query = match asked.starts_with("ami-") {
            true => query,
            false => query.filter(2, "state", &["available"]),
        };
        let answer = self.ec2.call(&query).await?;
        let images = answer.items("imagesSet", "item");
        // Times of one form and one zone are in the order of their texts.
        let newest = images.max_by_key(|image| image.text(&["creationDate"]).map(str::to_owned));
        let found = newest.and_then(|image| {
            let id = image.text(&["imageId"])?.to_owned();
            Some(Image { id, outliving: outliving(image) })
        });
        found.ok_or_else(|| {
            let words = format!("there is no image `{asked}`: name another one as `image`");
            self.ec2.refused(OPERATION, FailureClass::Rejected, &words)
        })
    }
}

/// What an image says of its first volume, if that is to stay when a machine goes.
fn outliving(image: &Element) -> Option<(String, String)> {
    let root = image.text(&["rootDeviceName"])?;
    let mut volumes = image.items("blockDeviceMapping", "item");
    let volume = volumes.find(|v| v.text(&["deviceName"]) == Some(root))?.child("ebs")?;
    let stays = volume.text(&["deleteOnTermination"]) == Some("false");
    let snapshot = volume.text(&["snapshotId"]).filter(|_| stays)?;
    Some((root.to_owned(), snapshot.to_owned()))
}

/// The architecture of a size as Debian names it. Sizes with the vendor's own processors have a `g`
/// after the generation's number (`t4g.micro`, `c7gn.large`).
fn architecture(machine: &str) -> &'static str {
    let family = machine.split('.').next().unwrap_or_default();
    let options = family.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let options = options.trim_start_matches(|c: char| c.is_ascii_digit());
    match family == "a1" || options.starts_with('g') {
        true => "arm64",
        false => "amd64",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_architecture_is_told_by_the_size() {
        for (size, expected) in [
            ("t3.micro", "amd64"),
            ("t4g.micro", "arm64"),
            ("c7gn.large", "arm64"),
            ("g4dn.xlarge", "amd64"),
            ("a1.medium", "arm64"),
            ("no-such-size", "amd64"),
        ] {
            assert_eq!(architecture(size), expected, "{size}");
        }
    }
}
