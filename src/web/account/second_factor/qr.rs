//! A QR code as the path of an SVG: nothing in it needs style or script.

use std::fmt::Write;

use qrcode::types::QrError;
use qrcode::{Color, EcLevel, QrCode};

/// Four modules stay white all around (ISO/IEC 18004).
const MARGIN: usize = 4;

/// A QR code to be drawn, black on white, whatever the colours of the page.
pub struct Picture {
    /// Its width and height, in modules.
    pub size: usize,
    /// The dark modules.
    pub path: String,
}

impl Picture {
    /// Of a text.
    ///
    /// # Errors
    /// Fails when the text is too long.
    pub fn of(text: &str) -> Result<Self, QrError> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
        let width = code.width();
        let mut path = String::new();
        for (at, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Dark {
                let (x, y) = (at % width + MARGIN, at / width + MARGIN);
                let _ = write!(path, "M{x} {y}h1v1h-1z");
            }
        }
        Ok(Self {
            size: width + 2 * MARGIN,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Picture;

    #[test]
    fn dark_modules_stand_within_their_margin() {
        let picture = Picture::of("otpauth://totp/x").unwrap();
        // Version 2: 25 modules, and four white ones on each side.
        assert_eq!(picture.size, 33);
        // The corner of the first finder pattern.
        assert!(picture.path.starts_with("M4 4h1v1h-1zM5 4h1v1h-1z"));
        assert!(Picture::of(&"x".repeat(5_000)).is_err());
    }
}
