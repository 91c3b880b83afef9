//! Windows' times: ticks of 100 ns since 1601.

use crate::Time;

const TICKS_A_SECOND: i64 = 10_000_000;
/// From 1601 to 1970.
const SECONDS_TO_1970: i64 = 11_644_473_600;

/// A time of Windows as Linux says it.
pub fn from_ticks(ticks: u64) -> Time {
    let ticks = i64::try_from(ticks).unwrap_or(i64::MAX);
    let seconds = ticks / TICKS_A_SECOND - SECONDS_TO_1970;
    Time {
        seconds,
        nanoseconds: (ticks % TICKS_A_SECOND * 100) as u32,
    }
}

/// A time of Linux as Windows says it; what is before 1601 or too far off is moved to where Windows' time ends.
pub fn to_ticks(time: Time) -> u64 {
    let seconds = time.seconds.saturating_add(SECONDS_TO_1970).max(0);
    let ticks = seconds
        .saturating_mul(TICKS_A_SECOND)
        .saturating_add(i64::from(time.nanoseconds / 100));
    ticks.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn from_ticks_known_moments() {
        assert_eq!(from_ticks(0).seconds, -SECONDS_TO_1970);
        assert_eq!(from_ticks(116_444_736_000_000_000), Time::default());
        assert_eq!(
            from_ticks(116_444_735_999_999_999),
            Time {
                seconds: -1,
                nanoseconds: 999_999_900
            }
        );
    }

    #[test]
    fn to_ticks_what_windows_cannot_say_is_moved_to_an_end() {
        assert_eq!(
            to_ticks(Time {
                seconds: i64::MIN,
                nanoseconds: 0
            }),
            0
        );
        assert_eq!(
            to_ticks(Time {
                seconds: i64::MAX,
                nanoseconds: 999_999_999
            }),
            i64::MAX as u64
        );
    }

    proptest! {
        #[test]
        fn to_ticks_and_back_is_the_same(ticks in 0..i64::MAX as u64) {
            prop_assert_eq!(to_ticks(from_ticks(ticks)), ticks);
        }
    }
}
