//! A snapshot as bytes: lossless, small, and quick to read whole.
//!
//! Layout, little endian: `TQC1`, unit of volatilities, coin, instant, rows; runs of rows that share
//! expiry, style and underlying; strike and type of each row; flags; then the number columns, each in
//! its own form (column.rs). The same rows always give the same bytes, so a digest compares snapshots.

use super::bytes::{Corrupt, Reader, write_text};
use super::column;
use super::table::{COLUMNS, NONE, QuoteTable};
use crate::domain::coin::Coin;
use crate::domain::instrument::{Instrument, OptionType, Style};

const MAGIC: &[u8; 4] = b"TQC1";
/// Rows a snapshot may have: ten times the largest listing seen.
pub const ROWS_MAX: usize = 20_000;
/// Greatest strike that packs, USD.
pub const STRIKE_MAX: u32 = (1 << 31) - 1;

/// Packs a table in chain order.
pub fn pack(table: &QuoteTable) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + table.len() * 48);
    out.extend_from_slice(MAGIC);
    out.push(u8::from(table.percent));
    out.push(u8::from(table.coin == Coin::Eth));
    out.extend_from_slice(&table.at_ms.to_le_bytes());
    out.extend_from_slice(&(table.len() as u32).to_le_bytes());
    write_runs(table, &mut out);
    for instrument in &table.instruments {
        let put = u32::from(instrument.option_type == OptionType::Put);
        out.extend_from_slice(&((instrument.strike_usd << 1) | put).to_le_bytes());
    }
    write_flags(table, &mut out);
    for values in &table.numbers {
        column::encode(values, &mut out);
    }
    out
}

/// Unpacks what [`pack`] made; refuses anything else without reading past its end.
pub fn unpack(packed: &[u8]) -> Result<QuoteTable, Corrupt> {
    let mut reader = Reader::new(packed);
    if reader.take(4)? != MAGIC {
        return Err(Corrupt("it does not begin with TQC1"));
    }
    let percent = reader.u8()? == 1;
    let coin = [Coin::Btc, Coin::Eth][usize::from(reader.u8()? == 1)];
    let mut table = QuoteTable::new(coin, reader.i64()?, percent);
    let rows = reader.u32()? as usize;
    if rows > ROWS_MAX {
        return Err(Corrupt("more rows than a snapshot may have"));
    }
    read_runs(&mut reader, &mut table, rows)?;
    read_strikes(&mut reader, &mut table)?;
    read_flags(&mut reader, &mut table)?;
    for place in 0..COLUMNS.len() {
        table.numbers[place] = column::decode(&mut reader, rows)?;
    }
    if reader.is_empty() {
        Ok(table)
    } else {
        Err(Corrupt("bytes are left over"))
    }
}

fn write_runs(table: &QuoteTable, out: &mut Vec<u8>) {
    let key = |row: usize| {
        let instrument = &table.instruments[row];
        let text = table.underlying_index[row];
        (instrument.expiry_ms, instrument.style, text)
    };
    let starts: Vec<usize> = (0..table.len())
        .filter(|row| *row == 0 || key(*row) != key(row - 1))
        .collect();
    out.extend_from_slice(&(starts.len() as u32).to_le_bytes());
    for (place, start) in starts.iter().enumerate() {
        let end = starts.get(place + 1).copied().unwrap_or(table.len());
        let (expiry_ms, style, text) = key(*start);
        out.extend_from_slice(&expiry_ms.to_le_bytes());
        out.push(u8::from(style == Style::Linear));
        out.extend_from_slice(&((end - start) as u32).to_le_bytes());
        write_text(table.text(text), out);
    }
}

fn read_runs(reader: &mut Reader<'_>, table: &mut QuoteTable, rows: usize) -> Result<(), Corrupt> {
    for _ in 0..reader.u32()? {
        let expiry_ms = reader.i64()?;
        let style = [Style::Inverse, Style::Linear][usize::from(reader.u8()? == 1)];
        let length = reader.u32()? as usize;
        let text = reader.text()?;
        let total = table.instruments.len() + length;
        if total > rows {
            return Err(Corrupt("its runs are longer than its rows"));
        }
        let place = table.intern(text);
        let instrument = Instrument {
            coin: table.coin,
            style,
            expiry_ms,
            strike_usd: 0,
            option_type: OptionType::Call,
        };
        table.instruments.resize(total, instrument);
        table.underlying_index.resize(total, place);
    }
    if table.instruments.len() == rows {
        Ok(())
    } else {
        Err(Corrupt("its runs are shorter than its rows"))
    }
}

fn read_strikes(reader: &mut Reader<'_>, table: &mut QuoteTable) -> Result<(), Corrupt> {
    let keys = reader.take(table.len() * 4)?.as_chunks::<4>().0;
    for (instrument, key) in table.instruments.iter_mut().zip(keys) {
        let key = u32::from_le_bytes(*key);
        instrument.strike_usd = key >> 1;
        if key & 1 == 1 {
            instrument.option_type = OptionType::Put;
        }
    }
    Ok(())
}

fn write_flags(table: &QuoteTable, out: &mut Vec<u8>) {
    let flagged = table.flag.iter().enumerate();
    let flagged: Vec<(usize, u16)> = flagged
        .filter(|(_, place)| **place != NONE)
        .map(|(row, place)| (row, *place))
        .collect();
    out.extend_from_slice(&(flagged.len() as u32).to_le_bytes());
    for (row, place) in flagged {
        out.extend_from_slice(&(row as u32).to_le_bytes());
        write_text(table.text(place), out);
    }
}

fn read_flags(reader: &mut Reader<'_>, table: &mut QuoteTable) -> Result<(), Corrupt> {
    table.flag = vec![NONE; table.len()];
    for _ in 0..reader.u32()? {
        let row = reader.u32()? as usize;
        let text = reader.text()?;
        let place = table.intern(text);
        *table
            .flag
            .get_mut(row)
            .ok_or(Corrupt("a flag stands past its rows"))? = place;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::table::{Column, Entry};
    use super::*;

    fn table() -> QuoteTable {
        let mut table = QuoteTable::new(Coin::Eth, 1_767_312_000_123, true);
        let names = [
            "ETH-2JAN26-3000-C",
            "ETH-2JAN26-3000-P",
            "ETH-27MAR26-500-P",
            "ETH_USDC-2JAN26-3000-C",
        ];
        for (row, name) in names.iter().enumerate() {
            let mut numbers = [f64::NAN; 18];
            numbers[Column::UnderlyingPrice as usize] = 2_978.35 + row as f64 / 3.0;
            numbers[Column::BidPrice as usize] = [0.0125, f64::NAN, 0.0005, 37.5][row];
            numbers[Column::MarkIv as usize] = 45.67;
            table.push(&Entry {
                instrument: name.parse().expect(name),
                numbers,
                underlying_index: [Some("SYN.ETH-2JAN26"), Some("SYN.ETH-2JAN26"), None, None][row],
                flag: [None, Some("ticker_desync"), None, None][row],
            });
        }
        table
    }

    #[test]
    fn every_column_comes_back_to_the_bit() {
        let table = table();
        let packed = pack(&table);
        let read = unpack(&packed).expect("packed by us");
        assert_eq!(
            (read.coin, read.at_ms, read.percent),
            (table.coin, table.at_ms, true)
        );
        assert_eq!(read.len(), table.len());
        assert!(read.entries().zip(table.entries()).all(|(a, b)| a.same(&b)));
        assert_eq!(pack(&read), packed, "the same rows give the same bytes");
    }

    #[test]
    fn damage_is_refused_at_every_length() {
        let packed = pack(&table());
        for length in 0..packed.len() {
            assert!(unpack(&packed[..length]).is_err(), "cut to {length} bytes");
        }
        let longer = [packed.as_slice(), &[0]].concat();
        assert_eq!(unpack(&longer).err(), Some(Corrupt("bytes are left over")));
    }
}
