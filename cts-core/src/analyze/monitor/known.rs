//! Messages of Subarus that the monitors watch by default.

use super::Message;

const fn on(bus: u8, address: u32) -> Message {
    Message { bus, address }
}

/// What a hybrid's safety code needs to receive: steering torque, brake pedal, wheel speeds, throttle and brake of the
/// hybrid system, dash status.
///
/// Source: behaviour of comma-tools `hybrid_rx_trace`; names from opendbc `subaru_global_2017`,
/// `subaru_global_2020_hybrid`.
pub const HYBRID_RX: &[Message] =
    &[on(0, 0x119), on(0, 0x139), on(0, 0x13a), on(1, 0x168), on(1, 0x226), on(2, 0x321)];

/// Addresses that tell on which bus a Subaru has what.
///
/// Source: behaviour of comma-tools `can_bus_check`.
pub const CAN_BUS_CHECK: &[u32] = &[0x040, 0x168, 0x13c, 0x240, 0x321];

/// What opendbc's Subaru files call a message that monitors watch.
pub fn name(address: u32) -> Option<&'static str> {
    Some(match address {
        0x040 => "Throttle",
        0x119 => "Steering_Torque",
        0x139 => "Brake_Pedal",
        0x13a => "Wheel_Speeds",
        0x13c => "Brake_Status",
        0x168 => "Throttle_Hybrid",
        0x226 => "Brake_Hybrid",
        0x240 => "CruiseControl",
        0x321 => "ES_DashStatus",
        _ => return None,
    })
}
