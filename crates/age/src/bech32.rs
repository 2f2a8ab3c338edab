//! Keys as text: 32 bytes in Bech32 (BIP 173), without its limit of length.

use zeroize::Zeroizing;

const SYMBOLS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM: usize = 6;
/// 32 bytes are 51 symbols of five bits and one bit more.
const DATA: usize = 52;

/// The text of a key, in lower case.
pub(crate) fn encode(prefix: &str, key: &[u8; 32]) -> Zeroizing<String> {
    let data = fives(key);
    let sum = checksum(prefix, &data);
    let all = data.iter().chain(&sum).map(|five| char::from(SYMBOLS[usize::from(*five)]));
    Zeroizing::new(format!("{prefix}1").chars().chain(all).collect())
}

/// The key of a text, all of it in lower case.
pub(crate) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let symbols = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let five = |s: u8| SYMBOLS.iter().position(|known| *known == s).map(|p| p as u8);
    let fives: Zeroizing<Vec<u8>> =
        Zeroizing::new(symbols.bytes().map(five).collect::<Option<_>>()?);
    if fives.len() != DATA + CHECKSUM {
        return None;
    }
    let (data, sum) = fives.split_at(DATA);
    let key = eights(data)?;
    (checksum(prefix, data) == sum).then_some(key)
}

/// Bytes as numbers of five bits, the last of which is filled up with zeros.
fn fives(key: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    let bit = |at: usize| key.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let five = |n: usize| (0..5).fold(0, |five, i| five << 1 | bit(5 * n + i));
    Zeroizing::new((0..DATA).map(five).collect())
}

/// The other way round; none when what fills the last one up is not zeros.
fn eights(fives: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let bit = |at: usize| fives[at / 5] >> (4 - at % 5) & 1;
    let key = std::array::from_fn(|n| (0..8).fold(0, |byte, i| byte << 1 | bit(8 * n + i)));
    (256..5 * DATA).all(|at| bit(at) == 0).then(|| Zeroizing::new(key))
}

/// The checksum of BIP 173.
fn checksum(prefix: &str, data: &[u8]) -> [u8; CHECKSUM] {
    let high = prefix.bytes().map(|b| b >> 5);
    let low = prefix.bytes().map(|b| b & 31);
    let all = high.chain([0]).chain(low).chain(data.iter().copied()).chain([0; CHECKSUM]);
    let sum = polymod(all) ^ 1;
    std::array::from_fn(|i| (sum >> (5 * (CHECKSUM - 1 - i)) & 31) as u8)
}

fn polymod(fives: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    fives.fold(1, |sum, five| {
        let top = sum >> 25;
        let sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(five);
        let taps = GENERATOR.iter().enumerate().filter(|(i, _)| top >> i & 1 == 1);
        taps.fold(sum, |sum, (_, tap)| sum ^ tap)
    })
}
