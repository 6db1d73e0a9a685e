//! The periods a budget renews in, as keys: nothing is ever reset, a new window is a new key.
//!
//! Days, weeks and months are those of the calendar of a time zone (a day of a clock change lasts 23 or 25 hours).
//! It refuses to know the clock: instants are arguments, in nanoseconds since the Unix epoch, UTC.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::budget::error::BudgetError;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// How long a window lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// One exchange: the limit applies to each on its own.
    Request,
    /// One minute of the local clock.
    Minute,
    /// One hour of the local clock.
    Hour,
    /// One local day, midnight to midnight.
    Day,
    /// One local week from Monday.
    Week,
    /// One local calendar month.
    Month,
    /// For ever.
    Total,
}

impl Period {
    /// All periods, shortest first.
    pub const ALL: [Self; 7] =
        [Self::Request, Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Total];

    /// The configuration key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }

    /// The period of a configuration key.
    pub fn parse(name: &str) -> Result<Self, BudgetError> {
        let known = Self::ALL.into_iter().find(|period| period.name() == name);
        known.ok_or_else(|| BudgetError::UnknownPeriod(name.to_owned()))
    }
}

/// One window: the half-open interval from its start to its end, in ns since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowKey {
    /// The first instant of the window; `i64::MIN` for one without a start.
    pub start_ns: i64,
    /// The first instant after it; `i64::MAX` for one without an end.
    pub end_ns: i64,
}

impl WindowKey {
    /// The window of all time.
    pub const ALWAYS: Self = Self { start_ns: i64::MIN, end_ns: i64::MAX };
    /// The window that has not begun: no instant lies in it.
    pub(super) const NEVER: Self = Self { start_ns: i64::MIN, end_ns: i64::MIN };

    /// Whether the instant lies in the window.
    pub const fn contains(self, at_ns: i64) -> bool {
        self.start_ns <= at_ns && !self.is_over(at_ns)
    }

    /// When the next window starts; `None` when there is none.
    pub const fn next_ns(self) -> Option<i64> {
        if self.end_ns == i64::MAX { None } else { Some(self.end_ns) }
    }

    const fn is_over(self, at_ns: i64) -> bool {
        self.end_ns <= at_ns && self.end_ns < i64::MAX
    }

    /// The window between two instants; what lies outside 64-bit nanoseconds (1677 to 2262) is cut.
    fn between(start_ns: i128, end_ns: i128) -> Self {
        let cut = |ns: i128| i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX });
        Self { start_ns: cut(start_ns), end_ns: cut(end_ns) }
    }
}

/// A period in a time zone.
#[derive(Clone, Debug)]
pub struct Window {
    period: Period,
    timezone: TimeZone,
}

impl Window {
    /// A window of the calendar of an IANA time zone (`Europe/Berlin`), from the built-in tz database.
    pub fn new(period: Period, timezone: &str) -> Result<Self, BudgetError> {
        match TimeZoneDatabase::bundled().get(timezone) {
            Ok(timezone) => Ok(Self { period, timezone }),
            Err(_) => Err(BudgetError::UnknownTimezone(timezone.to_owned())),
        }
    }

    /// A window of the calendar of UTC.
    pub const fn utc(period: Period) -> Self {
        Self { period, timezone: TimeZone::UTC }
    }

    /// The period.
    pub const fn period(&self) -> Period {
        self.period
    }

    /// The window an instant lies in. The windows of one period tile time: no gap, no overlap.
    pub fn key(&self, at_ns: i64) -> WindowKey {
        let key = match self.period {
            Period::Request | Period::Total => Ok(WindowKey::ALWAYS),
            Period::Minute => self.clock_key(at_ns, 60),
            Period::Hour => self.clock_key(at_ns, 3600),
            Period::Day | Period::Week | Period::Month => self.calendar_key(at_ns),
        };
        // The calendar covers the years -9999 to 9999, far beyond what 64-bit nanoseconds can name.
        key.unwrap_or(WindowKey::ALWAYS)
    }

    /// Minutes and hours: steps of the local clock. Where the clock shifts by a part of a step (half an hour on
    /// Lord Howe Island) the step ends there and a new one begins; none is ever longer than its period.
    fn clock_key(&self, at_ns: i64, step_s: i32) -> Result<WindowKey, jiff::Error> {
        let at = Timestamp::from_nanosecond(i128::from(at_ns))?;
        let step = i128::from(step_s) * NANOS_PER_SECOND;
        let offset = i128::from(self.timezone.to_offset(at).seconds()) * NANOS_PER_SECOND;
        let local = i128::from(at_ns) + offset;
        let mut start = local - local.rem_euclid(step) - offset;
        let mut end = start + step;
        let tick = Timestamp::from_nanosecond(i128::from(at_ns) + 1)?;
        for transition in self.timezone.preceding(tick) {
            let shift_ns = transition.timestamp().as_nanosecond();
            if shift_ns <= start {
                break;
            }
            if self.shifts_within_step(shift_ns, step_s)? {
                start = shift_ns;
                break;
            }
        }
        for transition in self.timezone.following(at) {
            let shift_ns = transition.timestamp().as_nanosecond();
            if shift_ns >= end {
                break;
            }
            if self.shifts_within_step(shift_ns, step_s)? {
                end = shift_ns;
                break;
            }
        }
        Ok(WindowKey::between(start, end))
    }

    /// Whether the clock shifts by a part of a step at this instant.
    fn shifts_within_step(&self, shift_ns: i128, step_s: i32) -> Result<bool, jiff::Error> {
        let before = self.timezone.to_offset(Timestamp::from_nanosecond(shift_ns - 1)?);
        let after = self.timezone.to_offset(Timestamp::from_nanosecond(shift_ns)?);
        Ok((after.seconds() - before.seconds()) % step_s != 0)
    }

    /// Days, weeks and months: from the midnight of one date to that of another. Instants of a midnight that the
    /// clock repeats lie between the same two midnights whatever date the clock shows, hence the search.
    fn calendar_key(&self, at_ns: i64) -> Result<WindowKey, jiff::Error> {
        let at = Timestamp::from_nanosecond(i128::from(at_ns))?;
        let mut first = self.first_date(self.timezone.to_datetime(at).date())?;
        while self.midnight_ns(first)? > i128::from(at_ns) {
            first = self.first_date(first.yesterday()?)?;
        }
        loop {
            let next = self.next_date(first)?;
            let end = self.midnight_ns(next)?;
            if i128::from(at_ns) < end {
                return Ok(WindowKey::between(self.midnight_ns(first)?, end));
            }
            first = next;
        }
    }

    /// The first date of the day, week or month a date belongs to.
    fn first_date(&self, date: Date) -> Result<Date, jiff::Error> {
        match self.period {
            Period::Week => {
                let mut monday = date;
                for _ in 0..date.weekday().to_monday_zero_offset() {
                    monday = monday.yesterday()?;
                }
                Ok(monday)
            }
            Period::Month => Ok(date.first_of_month()),
            _ => Ok(date),
        }
    }

    /// The first date of the day, week or month after the one that starts at `first`.
    fn next_date(&self, first: Date) -> Result<Date, jiff::Error> {
        match self.period {
            Period::Week => {
                let mut monday = first;
                for _ in 0..7 {
                    monday = monday.tomorrow()?;
                }
                Ok(monday)
            }
            Period::Month => first.last_of_month().tomorrow(),
            _ => first.tomorrow(),
        }
    }

    /// The instant of a local midnight: the first of two, or the end of the gap that swallowed it.
    fn midnight_ns(&self, date: Date) -> Result<i128, jiff::Error> {
        let midnight = date.to_datetime(Time::midnight());
        Ok(self.timezone.to_timestamp(midnight)?.as_nanosecond())
    }
}

/// A window that remembers its current key, so that the calendar is consulted only when one ends.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    window: Window,
    current: WindowKey,
}

impl Calendar {
    pub(super) const fn new(window: Window) -> Self {
        Self { window, current: WindowKey::NEVER }
    }

    /// The current window. It only moves forward: an instant before it, from a clock that was stepped back, counts
    /// as inside, because going back would forget what is spent in the window that had begun.
    pub(super) fn current(&mut self, now_ns: i64) -> WindowKey {
        if self.current.is_over(now_ns) {
            self.current = self.window.key(now_ns);
        }
        self.current
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000_000_000;
    const ZONES: [&str; 9] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Africa/Monrovia",
    ];

    fn ns(text: &str) -> i64 {
        i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    fn bounds(period: Period, zone: &str, at: &str) -> (String, String) {
        let key = Window::new(period, zone).unwrap().key(ns(at));
        let text = |ns: i64| Timestamp::from_nanosecond(i128::from(ns)).unwrap().to_string();
        (text(key.start_ns), text(key.end_ns))
    }

    #[test]
    fn clock_changes_make_days_shorter_and_longer() {
        // (zone, an instant of the local day, its start, its end, its hours)
        let days = [
            ("Europe/Berlin", "2025-03-30T12:00:00Z", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z", 46),
            ("Europe/Berlin", "2025-10-26T00:30:00Z", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z", 50),
            ("Europe/Berlin", "2025-07-01T21:59:59Z", "2025-06-30T22:00:00Z", "2025-07-01T22:00:00Z", 48),
            ("America/New_York", "2025-03-09T12:00:00Z", "2025-03-09T05:00:00Z", "2025-03-10T04:00:00Z", 46),
            ("America/New_York", "2025-11-02T12:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z", 50),
            ("Asia/Kathmandu", "2025-06-01T18:14:59Z", "2025-05-31T18:15:00Z", "2025-06-01T18:15:00Z", 48),
            (
                "Australia/Lord_Howe",
                "2025-10-04T20:00:00Z",
                "2025-10-04T13:30:00Z",
                "2025-10-05T13:00:00Z",
                47,
            ),
            (
                "Australia/Lord_Howe",
                "2025-04-05T20:00:00Z",
                "2025-04-05T13:00:00Z",
                "2025-04-06T13:30:00Z",
                49,
            ),
        ];
        for (zone, at, start, end, half_hours) in days {
            assert_eq!(bounds(Period::Day, zone, at), (start.into(), end.into()), "{zone} {at}");
            assert_eq!(ns(end) - ns(start), half_hours * HOUR / 2, "{zone} {at}");
        }
    }

    #[test]
    fn weeks_start_on_monday_and_months_on_the_first() {
        let week = bounds(Period::Week, "Europe/Berlin", "2025-03-30T21:59:59Z");
        assert_eq!(week, ("2025-03-23T23:00:00Z".into(), "2025-03-30T22:00:00Z".into()));
        let month = bounds(Period::Month, "America/New_York", "2024-02-29T23:00:00Z");
        assert_eq!(month, ("2024-02-01T05:00:00Z".into(), "2024-03-01T05:00:00Z".into()));
        let year_end = bounds(Period::Month, "Asia/Kathmandu", "2025-12-31T18:15:00Z");
        assert_eq!(year_end, ("2025-12-31T18:15:00Z".into(), "2026-01-31T18:15:00Z".into()));
    }

    #[test]
    fn hours_follow_the_local_clock_and_split_at_a_half_hour_shift() {
        // (zone, at, start, end): the last two are the half hours after Lord Howe's changes.
        let hours = [
            ("Asia/Kathmandu", "2025-06-01T10:00:00Z", "2025-06-01T09:15:00Z", "2025-06-01T10:15:00Z"),
            ("Europe/Berlin", "2025-10-26T01:30:00Z", "2025-10-26T01:00:00Z", "2025-10-26T02:00:00Z"),
            ("Australia/Lord_Howe", "2025-10-04T15:00:00Z", "2025-10-04T14:30:00Z", "2025-10-04T15:30:00Z"),
            ("Australia/Lord_Howe", "2025-10-04T15:30:00Z", "2025-10-04T15:30:00Z", "2025-10-04T16:00:00Z"),
            ("Australia/Lord_Howe", "2025-04-05T15:10:00Z", "2025-04-05T15:00:00Z", "2025-04-05T15:30:00Z"),
        ];
        for (zone, at, start, end) in hours {
            assert_eq!(bounds(Period::Hour, zone, at), (start.into(), end.into()), "{zone} {at}");
        }
    }

    #[test]
    fn a_day_the_calendar_skips_is_not_a_window() {
        // Samoa went from Thursday 29 to Saturday 31 December 2011.
        let thursday = bounds(Period::Day, "Pacific/Apia", "2011-12-30T09:59:59Z");
        assert_eq!(thursday, ("2011-12-29T10:00:00Z".into(), "2011-12-30T10:00:00Z".into()));
        let saturday = bounds(Period::Day, "Pacific/Apia", "2011-12-30T10:00:00Z");
        assert_eq!(saturday, ("2011-12-30T10:00:00Z".into(), "2011-12-31T10:00:00Z".into()));
    }

    #[test]
    fn a_midnight_the_clock_jumps_over_or_repeats_is_one_boundary() {
        // Toronto went from 23:30 to 00:30: the day starts half an hour later, when midnight would have been.
        let jumped = bounds(Period::Day, "America/Toronto", "1919-03-31T04:45:00Z");
        assert_eq!(jumped, ("1919-03-30T05:00:00Z".into(), "1919-03-31T05:00:00Z".into()));
        // St. John's went from 00:01 back to 23:01: the day starts at the first midnight.
        let repeated = bounds(Period::Day, "America/St_Johns", "2010-11-07T03:00:00Z");
        assert_eq!(repeated, ("2010-11-07T02:30:00Z".into(), "2010-11-08T03:30:00Z".into()));
    }

    #[test]
    fn a_calendar_never_goes_back() {
        let mut calendar = Calendar::new(Window::utc(Period::Day));
        let today = calendar.current(ns("2025-06-02T00:00:00Z"));
        assert_eq!(today.start_ns, ns("2025-06-02T00:00:00Z"));
        assert_eq!(calendar.current(ns("2025-06-01T23:59:59Z")), today);
        assert_eq!(calendar.current(ns("2025-06-03T00:00:00Z")).start_ns, today.end_ns);
    }

    #[test]
    fn names_parse_and_unknown_ones_are_refused() {
        for period in Period::ALL {
            assert_eq!(Period::parse(period.name()), Ok(period));
        }
        assert_eq!(Period::parse("year"), Err(BudgetError::UnknownPeriod("year".into())));
        let error = Window::new(Period::Day, "Mars/Olympus").unwrap_err();
        assert_eq!(error, BudgetError::UnknownTimezone("Mars/Olympus".into()));
    }

    proptest! {
        #[test]
        fn windows_tile_time(
            at in prop_oneof![any::<i64>(), 0i64..4_000_000_000_000_000_000],
            zone in prop::sample::select(&ZONES[..]),
            period in prop::sample::select(&Period::ALL[..]),
        ) {
            let window = Window::new(period, zone).unwrap();
            let key = window.key(at);
            prop_assert!(key.contains(at));
            prop_assert_eq!(window.key(key.start_ns), key);
            prop_assert_eq!(window.key(key.end_ns - 1), key);
            if let Some(next) = key.next_ns() {
                prop_assert_eq!(window.key(next).start_ns, key.end_ns);
            }
            if key.start_ns > i64::MIN {
                prop_assert_eq!(window.key(key.start_ns - 1).end_ns, key.start_ns);
            }
        }
    }
}
