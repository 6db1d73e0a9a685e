//! One HTTP/2 connection of a client: its streams, each with one request and its reply.
//!
//! A connection that is followed from its middle has streams whose heads refer to what was said before. What is not known of a
//! head is not guessed: a stream whose host or path is unknown is counted as unmetered if it looks like one to a model.

mod block;
mod frame;
mod stream;

use std::collections::BTreeMap;

pub(super) use frame::{PREFACE, is_like_a_frame};

use super::asking::{Asking, split_authority};
use super::desk::{Desk, Till};
use super::place::{Direction, Interest};
use crate::exchange::CloseReason;
use crate::limits;
use block::{Blocks, Completed, Headings};
use frame::{FrameHead, Frames, GOAWAY, Hit, RST_STREAM, Step};
use stream::{Course, Stream};

/// Why a stream whose head refers to what was not seen is not metered.
const MID_CONNECTION: &str = "mid_connection";

/// See above.
pub(super) struct Http2 {
    sent: Side,
    received: Side,
    streams: BTreeMap<u32, Stream>,
    /// The last stream that the client has begun, as far as was seen.
    newest: u32,
    /// A stream of which neither host nor path are known, whose first bytes may tell what it is.
    suspect: Option<u32>,
    /// Where requests went so far.
    authority: Option<String>,
    /// Bytes left of what stands before the first frame.
    preface: usize,
    late: bool,
    /// Something of it was metered, or goes to a host that is.
    of_interest: bool,
    /// Streams that were not.
    strange: usize,
    over: bool,
}

/// One direction.
struct Side {
    frames: Frames,
    blocks: Blocks,
}

impl Side {
    fn new() -> Self {
        Self { frames: Frames::default(), blocks: Blocks::new() }
    }

    fn held(&self) -> usize {
        self.frames.held() + self.blocks.held()
    }
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            sent: Side::new(),
            received: Side::new(),
            streams: BTreeMap::new(),
            newest: 0,
            suspect: None,
            authority: None,
            preface: PREFACE.len(),
            late: false,
            of_interest: false,
            strange: 0,
            over: false,
        }
    }
}

impl Http2 {
    /// A connection whose beginning was not seen; what was sent stands at the beginning of a frame.
    pub(super) fn late() -> Self {
        let mut late = Self { preface: 0, late: true, ..Self::default() };
        late.sent.blocks.lose();
        late.received.blocks.lose();
        late.received.frames = Frames::Adrift;
        late
    }

    /// Bytes it holds.
    pub(super) fn held(&self) -> usize {
        let streams: usize = self.streams.values().map(Stream::held).sum();
        self.sent.held() + self.received.held() + streams
    }

    /// Whether what passes on it belongs to nothing that is or may be metered.
    pub(super) fn is_strange(&self) -> bool {
        !self.of_interest && self.streams.is_empty()
    }

    /// Takes bytes of one direction, `lost` bytes behind those before.
    pub(super) fn take(
        &mut self,
        direction: Direction,
        lost: u64,
        mut bytes: &[u8],
        desk: &mut Desk<'_>,
    ) -> Interest {
        if lost > 0 {
            self.lose(direction, lost, desk);
        }
        if direction == Direction::Sent && self.preface > 0 {
            let before = self.preface.min(bytes.len());
            self.preface -= before;
            bytes = bytes.get(before..).unwrap_or_default();
        }
        if self.side(direction).frames.is_adrift() && is_like_a_frame(bytes) {
            self.side(direction).frames = Frames::default();
        }
        while !self.over {
            match self.side(direction).frames.step(&mut bytes) {
                Step::Data(stream, data) => self.data(direction, stream, data, desk),
                Step::End(stream) => self.end(direction, stream, desk),
                Step::Frame(frame, payload) => self.frame(direction, frame, &payload, desk),
                Step::TooLong(frame) => {
                    self.side(direction).blocks.lose();
                    self.unreadable(direction, frame.stream, desk);
                }
                Step::More => break,
                Step::Broken => self.lose_place(direction, desk),
            }
        }
        let strange =
            !self.of_interest && self.streams.is_empty() && self.strange > limits::STRANGE_STREAMS_MAX;
        if self.over || strange {
            self.close(&mut desk.till, CloseReason::Lost);
            return Interest::Drop;
        }
        Interest::Keep
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, till: &mut Till<'_>, reason: CloseReason) {
        for stream in self.streams.values_mut() {
            stream.close(reason, till);
        }
        self.streams.clear();
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    fn frame(&mut self, direction: Direction, frame: FrameHead, payload: &[u8], desk: &mut Desk<'_>) {
        match (frame.kind, direction) {
            (RST_STREAM, _) => {
                let reason = match direction {
                    Direction::Sent => CloseReason::ClientGone,
                    Direction::Received => CloseReason::UpstreamGone,
                };
                self.close_stream(frame.stream, reason, desk);
            }
            (GOAWAY, Direction::Received) => {
                // Streams behind the last one were not looked at.
                let last =
                    payload.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff);
                let unheard = self.streams.iter().filter(|(id, stream)| **id > last && !stream.is_answered());
                let unheard: Vec<u32> = unheard.map(|(id, _)| *id).collect();
                for id in unheard {
                    self.close_stream(id, CloseReason::UpstreamGone, desk);
                }
            }
            (GOAWAY, Direction::Sent) => {}
            _ => match self.side(direction).blocks.take(frame, payload) {
                Completed::Nothing => {}
                Completed::Unreadable(stream) => self.unreadable(direction, stream, desk),
                Completed::Headers(stream, headings, ends) => match direction {
                    Direction::Sent => self.request(stream, headings, ends, desk),
                    Direction::Received => self.reply(stream, headings, ends, desk),
                },
            },
        }
    }

    /// The head of a request, or its trailer.
    fn request(&mut self, id: u32, headings: Headings, ends: bool, desk: &mut Desk<'_>) {
        if id <= self.newest {
            if ends {
                self.end(Direction::Sent, id, desk);
            }
            return;
        }
        self.newest = id;
        // What was received for streams before it was for none that will come.
        self.streams.retain(|older, stream| *older >= id || stream.has_begun());
        if self.streams.len() >= limits::HTTP2_STREAMS_MAX && !self.streams.contains_key(&id) {
            desk.meter.unmetered("streams");
            return;
        }
        let Some(asking) = self.asking(id, headings, desk) else {
            self.streams.remove(&id);
            return;
        };
        self.streams.entry(id).or_default().begin(asking);
        if ends {
            self.end(Direction::Sent, id, desk);
        }
    }

    /// What a head asks for; None if that is nothing to meter.
    fn asking(&mut self, id: u32, headings: Headings, desk: &Desk<'_>) -> Option<Asking> {
        let Headings { method, path, authority, fields, .. } = headings;
        // A connection to one host need not be asked for it again.
        let authority = authority.or_else(|| self.authority.clone());
        self.authority.clone_from(&authority);
        let (host, port) =
            split_authority(authority.as_deref().unwrap_or_default(), desk.place.default_port());
        let known = method.is_some() && path.is_some() && authority.is_some();
        let asking =
            Asking { method: method.unwrap_or_default(), host, port, path: path.unwrap_or_default(), fields };
        let may_be_metered = asking.may_be_metered(desk.meter);
        self.of_interest |= asking.goes_to_a_known_host(desk.meter);
        if known && may_be_metered {
            return Some(asking);
        }
        self.strange = self.strange.saturating_add(1);
        if known {
            self.over |= !self.of_interest && self.streams.is_empty();
        } else if may_be_metered {
            desk.meter.unmetered(MID_CONNECTION);
        } else {
            self.suspect = Some(id);
        }
        None
    }

    /// The head of a reply, or its trailer.
    fn reply(&mut self, id: u32, headings: Headings, ends: bool, desk: &mut Desk<'_>) {
        let Some(stream) = self.replied(id) else { return };
        let course = match headings.status {
            Some(status) => stream.answer(status, headings.fields, ends, desk),
            None if ends => stream.finish(desk),
            None => return self.unreadable(Direction::Received, id, desk),
        };
        self.keep(id, course);
    }

    fn data(&mut self, direction: Direction, id: u32, data: &[u8], desk: &mut Desk<'_>) {
        if direction == Direction::Sent && self.suspect == Some(id) {
            self.suspect = None;
            if memchr::memmem::find(data, b"\"model\"").is_some() {
                desk.meter.unmetered(MID_CONNECTION);
            }
        }
        let stream = match direction {
            Direction::Sent => self.streams.get_mut(&id),
            Direction::Received => self.replied(id),
        };
        let Some(stream) = stream else { return };
        let course = match direction {
            Direction::Sent => stream.gather(data, desk),
            Direction::Received => stream.feed(data, desk),
        };
        self.keep(id, course);
    }

    fn end(&mut self, direction: Direction, id: u32, desk: &mut Desk<'_>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let course = match direction {
            Direction::Sent => stream.ask(true, desk),
            Direction::Received => stream.finish(desk),
        };
        self.keep(id, course);
    }

    /// The stream that a reply belongs to, if it is one that is read, or that may yet be asked for.
    fn replied(&mut self, id: u32) -> Option<&mut Stream> {
        let room = self.streams.len() < limits::HTTP2_STREAMS_MAX;
        let may_come = id > self.newest && id % 2 == 1 && room && !(self.late && self.newest == 0);
        if may_come {
            return Some(self.streams.entry(id).or_default());
        }
        self.streams.get_mut(&id)
    }

    fn keep(&mut self, id: u32, course: Course) {
        let metered = self.streams.get(&id).is_some_and(Stream::is_metered);
        self.of_interest |= metered;
        if course == Course::Over {
            self.streams.remove(&id);
            self.over |= !self.of_interest && self.streams.is_empty();
        }
    }

    fn close_stream(&mut self, id: u32, reason: CloseReason, desk: &mut Desk<'_>) {
        if let Some(mut stream) = self.streams.remove(&id) {
            stream.close(reason, &mut desk.till);
        }
    }

    /// The headers of a stream could not be read.
    fn unreadable(&mut self, direction: Direction, id: u32, desk: &mut Desk<'_>) {
        match direction {
            Direction::Sent => self.newest = self.newest.max(id),
            Direction::Received => {
                if let Some(mut stream) = self.streams.remove(&id) {
                    stream.lose_reply(desk);
                }
            }
        }
    }

    fn lose(&mut self, direction: Direction, lost: u64, desk: &mut Desk<'_>) {
        match (self.side(direction).frames.skip(lost), direction) {
            (Hit::Nothing, _) => {}
            (Hit::Data(id), Direction::Sent) => {
                if let Some(stream) = self.streams.get_mut(&id) {
                    let course = stream.ask(false, desk);
                    self.keep(id, course);
                }
            }
            (Hit::Data(id), Direction::Received) => self.unreadable(direction, id, desk),
            (Hit::Anything, _) => self.lose_place(direction, desk),
        }
    }

    /// Where a direction is can no longer be told, nor which streams were touched.
    fn lose_place(&mut self, direction: Direction, desk: &mut Desk<'_>) {
        let side = self.side(direction);
        side.frames = Frames::Adrift;
        side.blocks.lose();
        if direction == Direction::Sent {
            self.preface = 0;
        }
        for (id, mut stream) in std::mem::take(&mut self.streams) {
            match direction {
                Direction::Received => stream.lose_reply(desk),
                Direction::Sent => {
                    if stream.ask(false, desk) == Course::Open {
                        self.streams.insert(id, stream);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::desk::tests::at_a_desk;
    use crate::usage::Defect;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// A request that is whole, its head spelled out.
    fn asked(id: u32) -> Vec<u8> {
        let head = b"\x83\x87\x01\x0eapi.openai.com\x04\x0e/v1/embeddings";
        [frame(1, 4, id, head), frame(0, 1, id, b"{}")].concat()
    }

    /// A reply, in two frames of data.
    fn answered(id: u32) -> Vec<u8> {
        let (first, rest) = (b"{\"usage\":{\"prompt_", b"tokens\":5}}");
        [frame(1, 4, id, b"\x88"), frame(0, 0, id, first), frame(0, 1, id, rest)].concat()
    }

    fn told(work: impl FnOnce(&mut Http2, &mut Desk<'_>)) -> Vec<(Option<u64>, bool)> {
        let entries = at_a_desk(1 << 20, |desk| {
            let mut http2 = Http2::default();
            http2.take(Direction::Sent, 0, PREFACE, desk);
            work(&mut http2, desk);
            http2.close(&mut desk.till, CloseReason::ClientGone);
        });
        let whole = |entry: &crate::exchange::LedgerEntry| !entry.defects.contains(Defect::Truncated);
        entries.iter().map(|entry| (entry.usage.input_tokens, whole(entry))).collect()
    }

    #[test]
    fn a_gap_in_data_touches_no_other_stream() {
        let reply = answered(1);
        let found = told(|http2, desk| {
            http2.take(Direction::Sent, 0, &[asked(1), asked(3)].concat(), desk);
            http2.take(Direction::Received, 0, &reply[..25], desk);
            http2.take(Direction::Received, 3, &reply[28..], desk);
            http2.take(Direction::Received, 0, &answered(3), desk);
        });

        assert_eq!(found, [(None, false), (Some(5), true)]);
    }

    #[test]
    fn a_gap_anywhere_else_touches_all_that_are_open() {
        let found = told(|http2, desk| {
            http2.take(Direction::Sent, 0, &[asked(1), asked(3)].concat(), desk);
            http2.take(Direction::Received, 40, b"in the middle of something", desk);
            http2.take(Direction::Sent, 0, &asked(5), desk);
            http2.take(Direction::Received, 0, &answered(5), desk);
        });

        assert_eq!(found, [(None, false), (None, false), (Some(5), true)]);
    }

    #[test]
    fn streams_beyond_the_bound_are_counted() {
        let most = u32::try_from(limits::HTTP2_STREAMS_MAX).unwrap();
        let found = told(|http2, desk| {
            for at in 0..most + 5 {
                assert_eq!(http2.take(Direction::Sent, 0, &asked(at * 2 + 1), desk), Interest::Keep);
            }
            let counted = desk.meter.snapshot(0).tally;
            let unmetered: i128 =
                counted.series(crate::snapshot::Series::UnmeteredExchanges).map(|(_, count)| count).sum();
            assert_eq!(unmetered, 5);
        });

        assert_eq!(found.len(), limits::HTTP2_STREAMS_MAX);
    }

    #[test]
    fn data_that_is_no_frame_ends_what_is_open() {
        let found = told(|http2, desk| {
            http2.take(Direction::Sent, 0, &asked(1), desk);
            http2.take(Direction::Received, 0, &frame(0, 8, 1, b"\xffab"), desk);
        });

        assert_eq!(found, [(None, false)]);
    }
}
