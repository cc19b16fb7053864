//! The files, each in the form of its source. Every module makes the bytes of one kind of file.

pub(crate) mod agency;
pub(crate) mod beds;
pub(crate) mod kontakt;
pub(crate) mod patrol;
pub(crate) mod scene;
pub(crate) mod soma;
mod words;

/// The content of a file and how many rows it has, headers not counted.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: u64,
}

/// What the column `Datasett` says.
pub(crate) const MARK: &str = "SYNTETISK";

/// Lines of separated values with quotes only where they are needed.
pub(crate) struct Lines {
    text: String,
    separator: char,
    fields: u32,
    end: &'static str,
    rows: u64,
}

impl Lines {
    pub(crate) fn new(header: &str, separator: char, end: &'static str) -> Self {
        Self { text: format!("{header}{end}"), separator, fields: 0, end, rows: 0 }
    }

    pub(crate) fn field(&mut self, value: &str) {
        if self.fields > 0 {
            self.text.push(self.separator);
        }
        self.fields += 1;
        if value.contains([self.separator, '"', '\n', '\r']) {
            self.text.push('"');
            self.text.push_str(&value.replace('"', "\"\""));
            self.text.push('"');
        } else {
            self.text.push_str(value);
        }
    }

    pub(crate) fn end_row(&mut self) {
        self.text.push_str(self.end);
        self.fields = 0;
        self.rows += 1;
    }

    pub(crate) fn utf8(self) -> Content {
        Content { bytes: self.text.into_bytes(), rows: self.rows }
    }

    /// With the byte-order mark that spreadsheets expect.
    pub(crate) fn utf8_with_mark(self) -> Content {
        let mut bytes = vec![0xEF, 0xBB, 0xBF];
        bytes.extend_from_slice(self.text.as_bytes());
        Content { bytes, rows: self.rows }
    }

    pub(crate) fn windows_1252(self) -> Content {
        let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(&self.text);
        Content { bytes: bytes.into_owned(), rows: self.rows }
    }
}
