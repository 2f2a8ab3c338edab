//! What the vendor's refusals mean.

use damm_fleet::FailureClass;

use super::xml;
use crate::http::{Dialect, Reply};

/// Too many calls in a while.
const THROTTLED: [&str; 6] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "TooManyRequestsException",
    "EC2ThrottledException",
];

/// The account, or the vendor, has no more of it.
const EXHAUSTED: [&str; 13] = [
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientCapacity",
    "InsufficientAddressCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InstanceLimitExceeded",
    "VcpuLimitExceeded",
    "AddressLimitExceeded",
    "VolumeLimitExceeded",
    "NetworkInterfaceLimitExceeded",
    "TooManyTargets",
    "TooManyRegistrationsForTargetId",
    "LimitExceeded",
];

/// Not now; the same call will do later.
const BUSY: [&str; 9] = [
    "IncorrectInstanceState",
    "IncorrectState",
    "Resource.AlreadyAssociated",
    "InvalidIPAddress.InUse",
    "InvalidAddress.Locked",
    "DependencyViolation",
    "ConcurrentTagAccess",
    "PriorRequestNotComplete",
    "ResourceInUse",
];

/// What the call is about is not there. A subnet, an image or a group that is not there is a
/// mistake in the topology instead.
const GONE: [&str; 8] = [
    "InvalidInstanceID.NotFound",
    "InvalidAllocationID.NotFound",
    "InvalidAssociationID.NotFound",
    "InvalidAddress.NotFound",
    "InvalidAddressID.NotFound",
    "InvalidNetworkInterfaceID.NotFound",
    // The machine that this token made is gone: the next attempt has another token.
    "IdempotentInstanceTerminated",
    "InvalidNetworkInterface.NotFound",
];

/// Words of Route 53 for records that changed between a look and a change.
const CHANGED: [&str; 3] =
    ["but it already exists", "but it was not found", "do not match the current values"];

/// The vendor's way to say no.
pub struct Words;

impl Dialect for Words {
    fn class(&self, reply: &Reply) -> Option<FailureClass> {
        let (code, message) = fault(reply)?;
        let code = code.as_str();
        let class = match code {
            _ if THROTTLED.contains(&code) => FailureClass::Throttled,
            _ if EXHAUSTED.contains(&code) => FailureClass::Exhausted,
            _ if BUSY.contains(&code) => FailureClass::Busy,
            _ if GONE.contains(&code) => FailureClass::Gone,
            "InvalidInstanceID" if message.contains("not in a valid state") => FailureClass::Busy,
            // Something was made with this token, and what it is has to be looked for.
            "IdempotentParameterMismatch" => FailureClass::Unknown,
            "InvalidChangeBatch" if CHANGED.iter().any(|w| message.contains(w)) => {
                FailureClass::Busy
            }
            // Targets, groups and zones that are not there are mistakes in the topology.
            _ if (400..500).contains(&reply.status) => FailureClass::Rejected,
            _ => return None,
        };
        Some(class)
    }

    fn words(&self, reply: &Reply) -> Option<String> {
        let (code, message) = fault(reply)?;
        Some(format!("{code}: {message}"))
    }
}

/// The code and the message of a refusal, in any of the services' shapes.
fn fault(reply: &Reply) -> Option<(String, String)> {
    let root = xml::read(&reply.body)?;
    let message = root.find("Message").map(|m| m.text.clone()).unwrap_or_default();
    match root.find("Code") {
        Some(code) => Some((code.text.clone(), message)),
        None if root.name == "InvalidChangeBatch" => Some((root.name, message)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;
    use FailureClass as C;

    fn reply(status: u16, body: String) -> Reply {
        Reply { status, headers: HeaderMap::new(), body: Bytes::from(body) }
    }

    #[test]
    fn codes_and_not_statuses_tell_what_a_refusal_means() {
        for (status, code, message, class) in [
            (503, "RequestLimitExceeded", "Request limit exceeded.", C::Throttled),
            (400, "Throttling", "Rate exceeded", C::Throttled),
            (500, "InsufficientInstanceCapacity", "no capacity", C::Exhausted),
            (400, "AddressLimitExceeded", "too many", C::Exhausted),
            (400, "IncorrectInstanceState", "not running", C::Busy),
            (400, "InvalidInstanceID", "instance is not in a valid state for it", C::Busy),
            (400, "InvalidInstanceID", "something else", C::Rejected),
            (400, "InvalidInstanceID.NotFound", "", C::Gone),
            (400, "InvalidAMIID.NotFound", "", C::Rejected),
            (404, "NoSuchHostedZone", "", C::Rejected),
            (400, "IdempotentParameterMismatch", "", C::Unknown),
            (403, "UnauthorizedOperation", "You may not.", C::Rejected),
            (400, "InvalidChangeBatch", "[Tried to create x but it already exists]", C::Busy),
            (400, "InvalidChangeBatch", "[Duplicate Resource Record]", C::Rejected),
        ] {
            let shapes = [
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>\
                     </Error></Errors><RequestID>1</RequestID></Response>"
                ),
                format!(
                    "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>{code}</Code>\
                     <Message>{message}</Message></Error></ErrorResponse>"
                ),
            ];
            for body in shapes {
                let reply = reply(status, body);
                assert_eq!(Words.class(&reply), Some(class), "{code}");
                assert_eq!(Words.words(&reply), Some(format!("{code}: {message}")));
            }
        }
    }

    #[test]
    fn other_bodies_are_judged_by_their_status() {
        for body in ["", "<html><h1>503</h1></html>", "{}", "<Response>"] {
            let reply = reply(503, body.to_owned());
            assert_eq!((Words.class(&reply), Words.words(&reply)), (None, None));
        }
        let internal =
            "<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>";
        assert_eq!(Words.class(&reply(500, internal.to_owned())), None);
        let batch = "<InvalidChangeBatch><Messages><Message>but it was not found</Message>\
                     </Messages></InvalidChangeBatch>";
        assert_eq!(Words.class(&reply(400, batch.to_owned())), Some(C::Busy));
    }
}
