//! By what a server's top connections are chosen: one word in the question, the answer and the view.

/// What makes a connection a top one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// The messages written to it.
    #[default]
    Messages,
    /// The bytes written to it. They are counted from the first question on.
    Bytes,
    /// The bytes that wait for it to read.
    Outbox,
    /// How long it has been open.
    Age,
}

impl By {
    /// All of them, in the order in which they are offered.
    pub const ALL: [By; 4] = [By::Messages, By::Bytes, By::Outbox, By::Age];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            By::Messages => "messages",
            By::Bytes => "bytes",
            By::Outbox => "outbox",
            By::Age => "age",
        }
    }

    /// The one with that word.
    pub fn named(word: &str) -> Option<By> {
        By::ALL.into_iter().find(|by| by.word() == word)
    }

    /// The next one, and from the last the first.
    pub fn next(self) -> By {
        By::ALL[(self as usize + 1) % By::ALL.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_and_the_next_ones_go_round() {
        for (place, by) in By::ALL.into_iter().enumerate() {
            assert_eq!(By::named(by.word()), Some(by));
            assert_eq!(by.next(), By::ALL[(place + 1) % By::ALL.len()]);
        }
        assert_eq!((By::named("Messages"), By::named("")), (None, None));
    }
}
