//! Money: exact decimal amounts, and the currencies that they are of.
//!
//! An amount is a whole number of millionths, so that sums are exact and splitting one loses nothing. No I/O.

use std::{fmt, iter::Sum, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Millionths of a unit.
const UNIT: i64 = 1_000_000;

/// Digits behind the point.
const DIGITS: usize = 6;

/// An amount in millionths of its currency's unit: some nine billion units at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i64);

impl Amount {
    /// Splits it into so many parts that differ by one of the currency's smallest coins at most, the larger ones first.
    /// What is finer than a coin goes to the first part. The parts sum to exactly the amount.
    pub fn spread(self, parts: u32, currency: Currency) -> Vec<Self> {
        let Some(count) = i64::from(parts).checked_abs().filter(|count| *count > 0) else { return Vec::new() };
        let coin = currency.coin();
        let (coins, dust) = (self.0.div_euclid(coin), self.0.rem_euclid(coin));
        let (each, over) = (coins.div_euclid(count), coins.rem_euclid(count));
        let part = |number: i64| Self((each + i64::from(number < over)) * coin + if number == 0 { dust } else { 0 });
        (0..count).map(part).collect()
    }

    /// The part of it that a weight out of ten thousand has, rounded towards zero.
    pub fn share(self, basis_points: i64) -> Self {
        match self.0.checked_mul(basis_points) {
            Some(product) => Self(product / 10_000),
            None => Self(i64::try_from(i128::from(self.0) * i128::from(basis_points) / 10_000).unwrap_or(i64::MAX)),
        }
    }

    /// It in another currency, of which one unit of this one is `rate` units; rounded half away from zero.
    pub fn at_rate(self, rate: Self) -> Self {
        let (product, unit) = (i128::from(self.0) * i128::from(rate.0), i128::from(UNIT));
        let rounded = (product + product.signum() * unit / 2) / unit;
        Self(i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX }))
    }

    /// The sum, saturating.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Self::plus)
    }
}

/// `1234.5`: at least no digits behind the point, at most six, no thousands separators, no exponent.
impl FromStr for Amount {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is no amount: write digits with a point, such as 1234.50";
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, behind) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(behind) {
            return Err(WRONG);
        }
        if behind.trim_end_matches('0').len() > DIGITS {
            return Err("is finer than a millionth");
        }
        let behind: i64 = format!("{behind:0<DIGITS$.DIGITS$}").parse().map_err(|_| WRONG)?;
        let whole = whole.parse::<i64>().ok().and_then(|whole| whole.checked_mul(UNIT)?.checked_add(behind));
        let value = whole.ok_or("is larger than nine billion units of anything that is counted here")?;
        Ok(Self(if negative { -value } else { value }))
    }
}

/// As [`FromStr`] reads it, with two digits behind the point or as many as it needs.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, value) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, behind) = (value / UNIT.unsigned_abs(), value % UNIT.unsigned_abs());
        let behind = format!("{behind:06}");
        let needed = behind.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{whole}.{}", behind.get(..needed).unwrap_or(&behind))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|wrong| de::Error::custom(format_args!("{text:?} {wrong}")))
    }
}

/// A currency: three capital letters of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The Russian rouble, in which most of our users count.
    pub const RUB: Self = Self(*b"RUB");

    /// Its code.
    pub fn as_str(&self) -> &str {
        // Only capital letters are let in.
        str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Its smallest coin, in millionths: a hundredth, but for those of which ISO 4217 says otherwise.
    pub fn coin(self) -> i64 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => UNIT,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => UNIT / 1000,
            _ => UNIT / 100,
        }
    }
}

/// Three letters in any case.
impl FromStr for Currency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code = <[u8; 3]>::try_from(text.as_bytes()).ok().filter(|code| code.iter().all(u8::is_ascii_alphabetic));
        let code = code.ok_or("is no currency: write three letters of ISO 4217, such as RUB")?;
        Ok(Self(code.map(|letter| letter.to_ascii_uppercase())))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|wrong| de::Error::custom(format_args!("{text:?} {wrong}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_and_written_exactly() {
        for (text, millionths, written) in [
            ("0", 0, "0.00"),
            ("1234.5", 1_234_500_000, "1234.50"),
            ("-0.01", -10_000, "-0.01"),
            ("0.000001", 1, "0.000001"),
            ("12.3400000", 12_340_000, "12.34"),
            ("9223372036854.775807", i64::MAX, "9223372036854.775807"),
        ] {
            assert_eq!(text.parse(), Ok(Amount(millionths)), "{text}");
            assert_eq!(Amount(millionths).to_string(), written);
        }
        for wrong in ["", "-", ".5", "5.", "1,5", "1 000", "+1", "1e3", "٣", "0.0000001", "9223372036854.775808", "--1"]
        {
            assert!(wrong.parse::<Amount>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_spread_loses_no_coin_and_parts_differ_by_one_at_most() {
        let rub = Currency::RUB;
        let hundred = Amount(100_000_000);
        assert_eq!(hundred.spread(3, rub), [33_340_000, 33_330_000, 33_330_000].map(Amount));
        assert_eq!(Amount(-10_000).spread(3, rub), [0, 0, -10_000].map(Amount));
        assert_eq!(Amount(20_003).spread(2, rub), [10_003, 10_000].map(Amount));
        assert_eq!(Amount(5_000_000).spread(3, "JPY".parse().unwrap()), [2_000_000, 2_000_000, 1_000_000].map(Amount));
        assert_eq!(hundred.spread(0, rub), []);
        for parts in 1..100 {
            assert_eq!(Amount(123_456_789).spread(parts, rub).into_iter().sum::<Amount>(), Amount(123_456_789));
        }
    }

    #[test]
    fn another_currency_is_rounded_half_away_from_zero() {
        let rate: Amount = "92.5".parse().unwrap();
        assert_eq!("10".parse::<Amount>().unwrap().at_rate(rate).to_string(), "925.00");
        assert_eq!((Amount(1).at_rate(Amount(500_000)), Amount(-1).at_rate(Amount(500_000))), (Amount(1), Amount(-1)));
        assert_eq!(Amount(i64::MAX).at_rate(rate), Amount(i64::MAX));
    }

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!("usd".parse::<Currency>().unwrap().to_string(), "USD");
        for wrong in ["", "US", "USDT", "U1D", "РУБ"] {
            assert!(wrong.parse::<Currency>().is_err(), "{wrong}");
        }
    }
}
