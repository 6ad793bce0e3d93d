//! Money as exact decimals: amounts are read from text and never pass through a binary float.

use rust_decimal::Decimal;

use super::view::Money;

/// Reads a decimal from the text of a JSON number or string: every digit counts, and white space around it does not.
///
/// # Errors
/// What is wrong with the text, as the end of a sentence that starts with where it stands: not a decimal, or with more
/// digits than can be kept exactly (28).
pub fn decimal(text: &str) -> Result<Decimal, &'static str> {
    const NOT_A_DECIMAL: &str = "is not a decimal number such as 12.50";
    const TOO_LONG: &str = "has more digits than can be kept exactly";
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| NOT_A_DECIMAL)?),
        None => (text, 0),
    };
    let digits = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all = whole.bytes().chain(fraction.bytes()).peekable();
    if all.peek().is_none() || !all.all(|byte| byte.is_ascii_digit()) {
        return Err(NOT_A_DECIMAL);
    }
    let decimal = Decimal::from_str_exact(mantissa).map_err(|_| TOO_LONG)?;
    shift(decimal, exponent).ok_or(TOO_LONG)
}

/// `decimal` times ten to the power of `exponent`, exactly.
fn shift(mut decimal: Decimal, exponent: i32) -> Option<Decimal> {
    if decimal.is_zero() && exponent != 0 {
        return Some(Decimal::ZERO);
    }
    let scale = i64::from(decimal.scale()) - i64::from(exponent);
    if let Ok(scale) = u32::try_from(scale) {
        decimal.set_scale(scale).ok()?;
        return Some(decimal);
    }
    decimal.set_scale(0).ok()?;
    let zeros = (0..-scale).take(Decimal::MAX_SCALE as usize + 1);
    zeros.into_iter().try_fold(decimal, |product, _| product.checked_mul(Decimal::TEN))
}

/// The exact sum of `quantity` times `price` over all lines; `None` if it has more digits than can be kept.
pub fn total(lines: impl IntoIterator<Item = (i32, Decimal)>) -> Option<Decimal> {
    lines
        .into_iter()
        .try_fold(Decimal::ZERO, |sum, (quantity, price)| sum.checked_add(price.checked_mul(Decimal::from(quantity))?))
}

/// An amount in a currency.
#[must_use]
pub fn money(amount: Decimal, currency: &str) -> Money {
    Money { amount: amount.to_string(), currency: currency.to_owned() }
}

/// An ISO 4217 code in its usual spelling; `None` if the text is not three letters.
#[must_use]
pub fn currency(text: &str) -> Option<String> {
    let code = text.trim();
    (code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic())).then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, &'static str> {
        decimal(text).map(|decimal| decimal.to_string())
    }

    #[test]
    fn every_digit_is_kept() {
        for (text, expected) in [
            ("1.10", "1.10"),
            (" 12.50 ", "12.50"),
            ("12345678901234567890.123", "12345678901234567890.123"),
            ("-0.1", "-0.1"),
            ("+3", "3"),
            ("1e2", "100"),
            ("1.25E1", "12.5"),
            ("5e-3", "0.005"),
            ("0e999999", "0"),
            ("0.00", "0.00"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_kept_exactly_is_refused() {
        for text in ["", "-", "EUR 3", "1,5", "1_0", "0x1", "NaN", "1.2.3", "1e", "e1", "."] {
            assert_eq!(read(text), Err("is not a decimal number such as 12.50"), "{text}");
        }
        for text in ["1e400", "1e-400", "123456789012345678901234567890", "0.12345678901234567890123456789"] {
            assert_eq!(read(text), Err("has more digits than can be kept exactly"), "{text}");
        }
    }

    #[test]
    fn totals_add_up_exactly() {
        let price = |text| decimal(text).unwrap();
        assert_eq!(total([(3, price("0.10")), (1, price("0.20"))]).unwrap().to_string(), "0.50");
        assert_eq!(total([(i32::MAX, price("7922816251426433759354395033.5"))]), None);
    }
}
