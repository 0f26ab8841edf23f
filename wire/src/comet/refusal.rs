//! What the server says instead of the stream: whole answers, ready to write.

/// An answer other than the stream; the connection is closed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// 400
    BadRequest,
    /// 404
    NotFound,
    /// 408
    RequestTimeout,
    /// 431
    HeadTooLarge,
    /// 501
    NotImplemented,
    /// 503
    Unavailable,
    /// 505
    VersionNotSupported,
}

/// A whole refusal. The length is checked by a test, since `concat!` cannot count.
macro_rules! refusal {
    ($status:literal, $extra:literal, $length:literal, $body:literal) => {
        concat!(
            "HTTP/1.1 ",
            $status,
            "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ",
            $length,
            "\r\n",
            $extra,
            "Connection: close\r\n\r\n",
            $body,
            "\n"
        )
    };
}

impl Status {
    /// The number in the status line.
    pub fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotFound => 404,
            Self::RequestTimeout => 408,
            Self::HeadTooLarge => 431,
            Self::NotImplemented => 501,
            Self::Unavailable => 503,
            Self::VersionNotSupported => 505,
        }
    }

    /// The whole answer, head and body.
    pub fn response(self) -> &'static [u8] {
        match self {
            Self::BadRequest => {
                refusal!("400 Bad Request", "", 47, "This is not HTTP/1.1: send GET /test/{number}.")
            }
            Self::NotFound => {
                refusal!("404 Not Found", "", 53, "Nothing here: messages are at /test/{number}, a u32.")
            }
            Self::RequestTimeout => refusal!(
                "408 Request Timeout",
                "",
                54,
                "The request took too long to arrive: send it at once."
            ),
            Self::HeadTooLarge => refusal!(
                "431 Request Header Fields Too Large",
                "",
                63,
                "The request head may have 8192 bytes and 64 fields: send less."
            ),
            Self::NotImplemented => {
                refusal!("501 Not Implemented", "", 49, "Only GET is understood: send GET /test/{number}.")
            }
            Self::Unavailable => refusal!(
                "503 Service Unavailable",
                "Retry-After: 1\r\n",
                43,
                "The server is full: try again in a second."
            ),
            Self::VersionNotSupported => refusal!(
                "505 HTTP Version Not Supported",
                "",
                47,
                "The answer comes in chunks: ask with HTTP/1.1."
            ),
        }
        .as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_whole_answer_with_the_right_length() {
        use Status::*;
        for status in [
            BadRequest,
            NotFound,
            RequestTimeout,
            HeadTooLarge,
            NotImplemented,
            Unavailable,
            VersionNotSupported,
        ] {
            let mut fields = [httparse::EMPTY_HEADER; 8];
            let mut response = httparse::Response::new(&mut fields);
            let head_bytes = response.parse(status.response()).unwrap().unwrap();
            assert_eq!(response.code, Some(status.code()));
            let field = |name: &str| {
                let field = response.headers.iter().find(|field| field.name == name);
                field.map(|field| str::from_utf8(field.value).unwrap())
            };
            let body_bytes = status.response().len() - head_bytes;
            assert_eq!(field("Content-Length"), Some(body_bytes.to_string().as_str()), "{status:?}");
            assert_eq!(field("Content-Type"), Some("text/plain; charset=utf-8"));
            assert_eq!(field("Connection"), Some("close"));
            assert_eq!(field("Retry-After"), (status == Unavailable).then_some("1"));
        }
    }
}
