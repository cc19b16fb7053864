//! What a server's refusal means, in a sentence that says what to do.

use std::error::Error;
use std::io;

/// The sentence. Nothing of the answer but its code: some servers send back the id of the key and the signature.
pub(super) fn fault(server: &str, bucket: &str, error: &object_store::Error) -> io::Error {
    use object_store::Error as E;
    let text = error.to_string();
    let code = code(&text);
    let said = code.map_or_else(String::new, |code| format!(" ({code})"));
    match error {
        _ if code == Some("NoSuchBucket") => io::Error::other(format!(
            "{server} has no bucket {bucket}; make it there, or name another in storage.toml"
        )),
        E::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, "there is no such object"),
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "{server} refuses the credentials{said}; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do in the bucket {bucket}"
            ),
        ),
        E::AlreadyExists { .. } | E::Precondition { .. } => {
            io::Error::new(io::ErrorKind::AlreadyExists, format!("somebody else wrote it meanwhile{said}"))
        }
        _ => {
            let cause = last(error);
            if code.is_some() || text.contains("status code") {
                io::Error::other(format!("{server} answers: {}", code.unwrap_or(without_answer(&cause))))
            } else {
                io::Error::other(format!(
                    "{server} cannot be reached ({}); check the endpoint in storage.toml and the network",
                    without_answer(&cause)
                ))
            }
        }
    }
}

/// The code in an answer: letters alone, so that nothing else gets through.
fn code(text: &str) -> Option<&str> {
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    (!code.is_empty() && code.len() < 64 && code.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(code)
}

/// A message up to the answer that it quotes.
pub(crate) fn without_answer(text: &str) -> &str {
    let answer = ["<?xml", "<Error"].iter().filter_map(|begin| text.find(begin)).min();
    answer.map_or(text, |at| text[..at].trim_end_matches([':', ' ']))
}

/// The innermost cause.
fn last(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_answer_is_repeated_but_its_code() {
        let body = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIA77</AWSAccessKeyId></Error>";
        let error = object_store::Error::PermissionDenied { path: "a".to_owned(), source: body.into() };
        let text = fault("http://x", "b", &error).to_string();
        assert!(text.contains("SignatureDoesNotMatch") && !text.contains("AKIA77"), "{text}");
        let error =
            object_store::Error::Generic { store: "S3", source: format!("status code: 500: {body}").into() };
        let text = fault("http://x", "b", &error).to_string();
        assert!(text.contains("SignatureDoesNotMatch") && !text.contains("AKIA77"), "{text}");
        assert_eq!(without_answer(&format!("it failed: {body}")), "it failed");
    }
}
