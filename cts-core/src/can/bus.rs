//! What the number of a bus in a log means.

/// `src` of a logged frame: a bus and how the frame came to be logged.
///
/// Source: openpilot `cereal/log.capnp` `CanData.src`, panda `python/__init__.py` bus offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bus(pub u8);

impl Bus {
    /// Offset of frames that panda put into a transmit queue.
    pub const RETURNED: u8 = 128;
    /// Offset of frames that the safety code refused to send.
    pub const REJECTED: u8 = 192;

    /// The bus itself: 0 to 2, 4 more for each further panda.
    pub fn number(self) -> u8 {
        self.0 % 64
    }

    /// Whether the frame was received from the bus.
    pub fn is_received(self) -> bool {
        self.0 < Self::RETURNED
    }

    /// Whether the frame is a copy of one that panda was to send: openpilot's own, or forwarded between buses. Not
    /// a proof that anybody acknowledged it.
    pub fn is_returned(self) -> bool {
        (Self::RETURNED..Self::REJECTED).contains(&self.0)
    }

    /// Whether the safety code refused to send the frame.
    pub fn is_rejected(self) -> bool {
        self.0 >= Self::REJECTED
    }

    /// Which panda the bus belongs to, from 0.
    pub fn panda(self) -> u8 {
        self.number() / 4
    }

    /// `received`, `returned` or `rejected`.
    pub fn role(self) -> &'static str {
        match self.0 {
            0..Self::RETURNED => "received",
            Self::RETURNED..Self::REJECTED => "returned",
            _ => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_role_bus_and_panda() {
        let check = |src, role, number, panda| {
            let bus = Bus(src);
            assert_eq!((bus.role(), bus.number(), bus.panda()), (role, number, panda), "{src}");
            assert_eq!(
                [bus.is_received(), bus.is_returned(), bus.is_rejected()].iter().filter(|x| **x).count(),
                1
            );
        };
        check(0, "received", 0, 0);
        check(6, "received", 6, 1);
        check(129, "returned", 1, 0);
        check(194, "rejected", 2, 0);
    }
}
