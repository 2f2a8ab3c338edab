//! The signatures of a request's answers (RFC 8945, sections 5.2 and 5.3.1).

use damm_fleet::FailureClass;
use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::TSigner;
use hickory_proto::rr::rdata::tsig::{TSIG, TsigError, signed_bitmessage_to_buf};

use super::session;
use crate::wire::Failure;

/// Messages without a signature of their own that may follow each other.
const UNSIGNED: usize = 99;

/// The answers to one request. Each signature holds what came before it, too: messages between
/// two signatures are held by the second.
pub struct Chain {
    signer: TSigner,
    id: u16,
    now: u64,
    /// The code of the last signature.
    code: Vec<u8>,
    first: bool,
    /// Messages since the last signature.
    open: Vec<u8>,
    opened: usize,
}

impl Chain {
    /// The answers to a request with this id and this signature, made now.
    pub const fn after(signer: TSigner, id: u16, code: Vec<u8>, now: u64) -> Self {
        Self { signer, id, now, code, first: true, open: Vec::new(), opened: 0 }
    }

    /// Reads one more message.
    ///
    /// # Errors
    ///
    /// `Rejected` when the server refuses the key, and `Unknown` when the message is none, or none
    /// that the key's holder wrote.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Message, Failure> {
        let message = Message::from_vec(bytes);
        let message = message.map_err(|_| Failure::unknown("the answer is no DNS message"))?;
        let header = &message.metadata;
        if header.message_type != MessageType::Response || header.id != self.id {
            return Err(Failure::unknown("the answer is to another question"));
        }
        match message.signature() {
            Some(signed) => {
                if let Some(failure) = refusal(header.response_code, &signed.data) {
                    return Err(failure);
                }
                self.verify(bytes)?;
            }
            None if self.first || self.opened == UNSIGNED => {
                return Err(unsigned(header.response_code));
            }
            None => {
                self.open.extend_from_slice(bytes);
                self.opened += 1;
            }
        }
        Ok(message)
    }

    /// Whether all that was read is held by a signature.
    pub const fn is_closed(&self) -> bool {
        self.opened == 0
    }

    fn verify(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let forged = || Failure::unknown("the answer's signature is not right");
        let parts = signed_bitmessage_to_buf(bytes, Some(&self.code), self.first);
        let (mut signed, record) = parts.map_err(|_| forged())?;
        // The last code and its length come first, then all messages.
        let at = self.code.len() + 2;
        signed.splice(at..at, self.open.drain(..));
        let tsig = record.data;
        let known = record.name == *self.signer.signer_name();
        if !known || tsig.algorithm != *self.signer.algorithm() {
            return Err(forged());
        }
        self.signer.verify(&signed, &tsig.mac).map_err(|_| forged())?;
        if tsig.time.abs_diff(self.now) > u64::from(self.signer.fudge()) {
            return Err(Failure::unknown("the answer was signed at another time"));
        }
        (self.code, self.first, self.opened) = (tsig.mac, false, 0);
        Ok(())
    }
}

/// What a server says that does not take the request's signature. Where it does not know the key,
/// or the signature is wrong, it can't sign this.
fn refusal(code: ResponseCode, tsig: &TSIG) -> Option<Failure> {
    let error = tsig.error?;
    if code != ResponseCode::NotAuth || (!tsig.mac.is_empty() && error != TsigError::BadTime) {
        return None;
    }
    Some(Failure::rejected(match error {
        TsigError::BadKey => {
            "the server refuses the key (BADKEY): it does not know it, or the key may not do this \
             to this name"
        }
        TsigError::BadSig => "the server refuses the signature (BADSIG): the key is another there",
        TsigError::BadTime => "the server refuses the signature (BADTIME): set both clocks",
        _ => "the server refuses the signature: use a full hmac-sha256, hmac-sha384 or hmac-sha512",
    }))
}

/// What an answer without a signature means. Knot signs no refusal that is about a zone that it has
/// not got; of all other answers nothing is to be believed.
fn unsigned(code: ResponseCode) -> Failure {
    let refused = session::refusal(code).filter(|f| f.class == FailureClass::Rejected);
    refused.unwrap_or_else(|| Failure::unknown("the answer is not signed"))
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::OpCode;
    use hickory_proto::rr::Name;
    use hickory_proto::rr::rdata::tsig::{TsigAlgorithm, make_tsig_record};

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn signer(key: &str) -> TSigner {
        let name = Name::from_ascii("key.").unwrap();
        TSigner::new(key.into(), TsigAlgorithm::HmacSha256, name, 300).unwrap()
    }

    fn chain() -> Chain {
        Chain::after(signer("ours"), 7, vec![1; 32], NOW)
    }

    fn plain() -> Vec<u8> {
        Message::new(7, MessageType::Response, OpCode::Query).to_vec().unwrap()
    }

    /// A message with the signature that follows these: the code before, what is open, and whether
    /// it is the first.
    fn signed(by: &TSigner, code: &[u8], open: &[u8], first: bool, time: u64) -> Vec<u8> {
        let tsig = TSIG::new(by.algorithm().clone(), time, 300, vec![0; 32], 7, None, vec![]);
        let mut message = Message::new(7, MessageType::Response, OpCode::Query);
        let mut sign = |tsig: &TSIG| {
            let record = make_tsig_record(by.signer_name().clone(), tsig.clone());
            message.set_signature(Box::new(record));
            message.to_vec().unwrap()
        };
        let (mut tbs, _) = signed_bitmessage_to_buf(&sign(&tsig), Some(code), first).unwrap();
        tbs.splice(code.len() + 2..code.len() + 2, open.iter().copied());
        sign(&tsig.set_mac(by.sign(&tbs).unwrap()))
    }

    fn code(message: &[u8]) -> Vec<u8> {
        Message::from_vec(message).unwrap().signature().unwrap().data.mac.clone()
    }

    #[test]
    fn messages_between_two_signatures_are_held_by_the_second() {
        let (ours, mut chain) = (signer("ours"), chain());
        let first = signed(&ours, &[1; 32], &[], true, NOW);
        chain.read(&first).unwrap();
        chain.read(&plain()).unwrap();
        chain.read(&plain()).unwrap();
        assert!(!chain.is_closed());
        let open = [plain(), plain()].concat();
        chain.read(&signed(&ours, &code(&first), &open, false, NOW)).unwrap();
        assert!(chain.is_closed());
    }

    #[test]
    fn a_message_that_was_put_between_is_found() {
        let (ours, mut chain) = (signer("ours"), chain());
        let first = signed(&ours, &[1; 32], &[], true, NOW);
        chain.read(&first).unwrap();
        chain.read(&plain()).unwrap();
        assert!(chain.read(&signed(&ours, &code(&first), &[], false, NOW)).is_err());
    }

    #[test]
    fn an_answer_of_somebody_else_is_unknown() {
        let unknown = FailureClass::Unknown;
        for bytes in [
            plain(),
            signed(&signer("theirs"), &[1; 32], &[], true, NOW),
            signed(&signer("ours"), &[2; 32], &[], true, NOW),
            signed(&signer("ours"), &[1; 32], &[], true, NOW - 301),
            b"no message at all".to_vec(),
        ] {
            assert_eq!(chain().read(&bytes).unwrap_err().class, unknown);
        }
        assert!(chain().read(&signed(&signer("ours"), &[1; 32], &[], true, NOW + 300)).is_ok());
    }
}
