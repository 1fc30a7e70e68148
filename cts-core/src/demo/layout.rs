//! Frames of a Subaru: which addresses there are, how often they come, and where their bits are.
//!
//! Source: opendbc `subaru_global_2017`; addresses it does not name carry payloads without meaning.

/// One CAN frame of eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub bus: u8,
    pub address: u32,
    pub data: [u8; 8],
}

/// Bus, every how many ticks of 10 ms, addresses.
pub(super) const RECEIVED: &[(u8, u32, &[u32])] = &[
    (0, 1, &[0x040, 0x048, 0x049]),
    (0, 2, &[0x118, 0x119, 0x11a, 0x138, 0x139, 0x13a, 0x13b, 0x13c, 0x144, 0x146, 0x147, 0x152, 0x156]),
    (0, 2, &[0x1c5, 0x282]),
    (0, 5, &[0x148, 0x149, 0x228, 0x240, 0x241, 0x2a7]),
    (0, 10, &[0x2d2, 0x374, 0x375, 0x376, 0x390, 0x3ac, 0x3d0]),
    (0, 50, &[0x3d1, 0x68d]),
    (1, 1, &[0x0d1, 0x168]),
    (1, 2, &[0x0d3, 0x127, 0x129, 0x152, 0x155, 0x157, 0x159, 0x226]),
    (1, 5, &[0x027, 0x158, 0x23e, 0x24b]),
    (1, 10, &[0x328, 0x37d]),
    (2, 2, &[0x122]),
    (2, 5, &[0x121, 0x1f8, 0x1f9, 0x220, 0x221, 0x222]),
    (2, 10, &[0x22a, 0x321, 0x322, 0x323, 0x325, 0x326, 0x327, 0x32b, 0x67a]),
];

/// What openpilot sends on bus 0: steering, and what the dashboard shows. Each comes back as returned.
pub(super) const SENT: &[(u8, u32, &[u32])] = &[(0, 2, &[0x122]), (0, 10, &[0x321, 0x322])];

/// Added to the bus of a frame that openpilot sent and panda returned.
pub(super) const RETURNED: u8 = 128;

/// km/h of one unit of a wheel speed.
pub(super) const WHEEL_KPH: f64 = 0.057;
/// Degrees of one unit of the steering angle in 0x119.
pub(super) const STEERING_DEG: f64 = -0.0217;
/// Miles in a kilometre.
pub(super) const MILES: f64 = 0.621371;

/// Start bits of the wheel speeds in 0x13A, 13 bits each: front right, rear right, rear left, front left.
pub(super) const WHEELS: [u32; 4] = [12, 25, 38, 51];

/// Replaces `size` bits from `start` on, counted from the lowest bit of the first byte.
pub(super) fn put(payload: &mut u64, start: u32, size: u32, value: u64) {
    let mask = (1u64 << size) - 1;
    *payload = *payload & !(mask << start) | (value & mask) << start;
}

/// The value of `size` bits from `start` on.
pub(super) fn get(data: [u8; 8], start: u32, size: u32) -> u64 {
    u64::from_le_bytes(data) >> start & ((1 << size) - 1)
}

/// Gives the payload its counter (4 bits from bit 8) and its checksum (first byte): the sum of the address's bytes
/// and all bytes of data but its own. Source: opendbc `can/dbc.py`, rule for `subaru_global_`.
pub(super) fn seal(address: u32, mut payload: u64, counter: u8) -> [u8; 8] {
    put(&mut payload, 8, 4, u64::from(counter));
    let mut data = payload.to_le_bytes();
    let sum = address.to_le_bytes().iter().chain(&data[1..]).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    data[0] = sum;
    data
}
