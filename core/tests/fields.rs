//! Typed fields: the bytes of the contract, round trips of everything, what is said about fields that are wrong, and Python's
//! `struct` as the other side.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use framewright::fields::{FieldError, FieldErrorKind, FieldReader, FieldWriter};
use framewright::{Decoder, Encoder, framing::U32};
use proptest::prelude::*;

#[test]
fn the_header_of_the_contract_is_these_nineteen_bytes() {
    let mut place = [0xAA; 19];
    let mut fields = FieldWriter::new(&mut place);
    fields.i16(13).unwrap().u16(987).unwrap().bool(true).unwrap();
    fields.f32(0.3871).unwrap().fixed_str("1234567890", 10).unwrap();
    assert_eq!((fields.written(), fields.room()), (19, 0));
    assert_eq!(hex(fields.payload()), "000d03db013ec631f931323334353637383930");

    let mut fields = FieldReader::new(&place);
    assert_eq!(fields.i16(), Ok(13));
    assert_eq!(fields.u16(), Ok(987));
    assert_eq!(fields.bool(), Ok(true));
    assert_eq!(fields.f32().map(f32::to_bits), Ok(0.3871_f32.to_bits()));
    assert_eq!(fields.fixed_str(10), Ok("1234567890"));
    assert_eq!(fields.finish(), Ok(()));
}

#[test]
fn every_cut_of_the_header_says_which_field_is_missing_and_where() {
    let whole = b"\x00\x0d\x03\xdb\x01\x3e\xc6\x31\xf91234567890";
    let starts = [0, 2, 4, 5, 9, 19];
    for cut in 0..whole.len() {
        let index = starts.iter().filter(|start| **start <= cut).count() - 1;
        let (offset, need) = (starts[index], starts[index + 1] - starts[index]);
        let kind = FieldErrorKind::Missing { need, have: cut - offset };
        assert_eq!(read_header(&whole[..cut]), Err(FieldError { kind, index, offset }), "cut at {cut}");
    }
    assert_eq!(read_header(whole), Ok(()));
}

#[test]
fn bytes_behind_the_last_field_are_reported() {
    let mut fields = FieldReader::new(b"\x01\x02\x03");
    fields.u8().unwrap();
    let error = fields.finish().unwrap_err();
    assert_eq!(error, FieldError { kind: FieldErrorKind::Trailing { len: 2 }, index: 1, offset: 1 });
    assert_eq!(error.to_string(), "field 1 at byte 1: 2 bytes follow the last field");
}

#[test]
fn a_bool_is_one_of_two_bytes_and_another_is_left_to_be_read_as_a_number() {
    let mut fields = FieldReader::new(b"\x00\x01\x02\xff");
    assert_eq!(fields.bool(), Ok(false));
    assert_eq!(fields.bool(), Ok(true));
    let error = fields.bool().unwrap_err();
    assert_eq!(error, FieldError { kind: FieldErrorKind::NotBool { value: 2 }, index: 2, offset: 2 });
    assert_eq!(error.to_string(), "field 2 at byte 2: a bool is 0 or 1, not 2");
    assert_eq!(fields.u8(), Ok(2));
    assert!(fields.bool().is_err());
    fields.skip(1).unwrap();
    assert_eq!(fields.bool().unwrap_err().kind, FieldErrorKind::Missing { need: 1, have: 0 });
}

#[test]
fn a_length_that_no_payload_can_have_is_an_error_and_no_panic() {
    let mut fields = FieldReader::new(b"\xff\xff\xff\xffabc");
    let need = 0xffff_ffff_usize.saturating_add(4);
    let kind = FieldErrorKind::Missing { need, have: 7 };
    assert_eq!(fields.bytes_u32(), Err(FieldError { kind, index: 0, offset: 0 }));
    assert_eq!(fields.str_u32(), Err(FieldError { kind, index: 0, offset: 0 }));
    // The length itself was not taken.
    assert_eq!(fields.remaining(), 7);
    assert_eq!(fields.u32(), Ok(u32::MAX));
    let kind = FieldErrorKind::Missing { need: usize::MAX, have: 3 };
    assert_eq!(fields.fixed(usize::MAX).unwrap_err().kind, kind);
    assert_eq!(fields.rest(), b"abc");
}

#[test]
fn a_string_says_how_long_it_is_and_how_much_of_it_came() {
    let mut fields = FieldReader::new(b"\x02hi\x00\x05hello\x00\x00\x00\x09short");
    assert_eq!(fields.bytes_u8(), Ok(&b"hi"[..]));
    assert_eq!(fields.str_u16(), Ok("hello"));
    let kind = FieldErrorKind::Missing { need: 13, have: 9 };
    assert_eq!(fields.bytes_u32(), Err(FieldError { kind, index: 2, offset: 10 }));
}

#[test]
fn a_text_that_is_not_utf8_is_named_by_its_first_bad_byte_and_can_be_read_as_bytes() {
    let payload = b"\x07\x03ok\xff";
    let mut fields = FieldReader::new(payload);
    fields.u8().unwrap();
    let kind = FieldErrorKind::NotUtf8 { at: 4 };
    assert_eq!(fields.str_u8(), Err(FieldError { kind, index: 1, offset: 1 }));
    assert_eq!(fields.clone().bytes_u8(), Ok(&b"ok\xff"[..]));
    assert_eq!(fields.rest_str().unwrap_err().kind, FieldErrorKind::NotUtf8 { at: 4 });
    fields.skip(1).unwrap();
    assert_eq!(fields.fixed_str(3).unwrap_err().kind, FieldErrorKind::NotUtf8 { at: 4 });
    assert_eq!(fields.fixed(3), Ok(&b"ok\xff"[..]));
    assert_eq!(fields.finish(), Ok(()));
}

#[test]
fn a_fixed_string_is_filled_with_zeros_and_never_cut_off() {
    let mut place = [0xAA; 8];
    let mut fields = FieldWriter::new(&mut place);
    fields.fixed_str("pump", 6).unwrap();
    let error = fields.fixed(b"too long", 2).unwrap_err();
    assert_eq!(error, FieldError { kind: FieldErrorKind::TooLong { len: 8, max: 2 }, index: 1, offset: 6 });
    assert_eq!(error.to_string(), "field 1 at byte 6: a string of 8 bytes, and at most 2 fit");
    assert_eq!(place, *b"pump\0\0\xAA\xAA");
    assert_eq!(FieldReader::new(&place).fixed_str(6), Ok("pump"));
    assert_eq!(FieldReader::new(&place).fixed(6), Ok(&b"pump\0\0"[..]));
    assert_eq!(FieldReader::new(&[0; 4]).fixed_str(4), Ok(""));
}

#[test]
fn a_field_that_does_not_fit_its_place_writes_nothing_of_itself() {
    for room in 0..9 {
        let mut place = vec![0xAA; 1 + room];
        let mut fields = FieldWriter::new(&mut place);
        let full = |need| Some(FieldError { kind: FieldErrorKind::Full { need, room }, index: 1, offset: 1 });
        fields.u8(1).unwrap();
        assert_eq!(fields.u64(0).err(), full(8).filter(|_| room < 8));
        if room < 8 {
            assert_eq!(fields.bytes_u16(b"seven_").err(), full(8));
            assert_eq!(fields.fixed(b"seven", 8).err(), full(8));
            assert_eq!(fields.skip(usize::MAX).err(), full(usize::MAX));
            assert_eq!(fields.written(), 1);
            assert!(place[1..].iter().all(|byte| *byte == 0xAA), "{place:?}");
        }
    }
}

#[test]
fn lengths_and_numbers_at_the_edges_of_their_fields() {
    let mut place = vec![0; 70_000];
    let long = vec![b'x'; 65_536];
    let mut fields = FieldWriter::new(&mut place);
    assert_eq!(fields.bytes_u8(&long[..256]).unwrap_err().kind, FieldErrorKind::TooLong { len: 256, max: 255 });
    assert_eq!(fields.bytes_u16(&long).unwrap_err().kind, FieldErrorKind::TooLong { len: 65_536, max: 65_535 });
    fields.bytes_u8(&long[..255]).unwrap().bytes_u16(&long[..65_535]).unwrap();
    for wrong in [1 << 24, u32::MAX] {
        assert_eq!(fields.u24(wrong).unwrap_err().kind, FieldErrorKind::OutOfRange { value: i64::from(wrong) });
    }
    for wrong in [1 << 23, -(1 << 23) - 1, i32::MIN, i32::MAX] {
        let error = fields.i24(wrong).unwrap_err();
        assert_eq!(error.kind, FieldErrorKind::OutOfRange { value: i64::from(wrong) });
    }
    fields.u24(0x00FF_FFFF).unwrap().i24(-(1 << 23)).unwrap().i24((1 << 23) - 1).unwrap().i24(-1).unwrap();
    let len = fields.written();

    let mut fields = FieldReader::new(&place[..len]);
    assert_eq!(fields.bytes_u8().map(<[u8]>::len), Ok(255));
    assert_eq!(fields.bytes_u16().map(<[u8]>::len), Ok(65_535));
    assert_eq!(fields.u24(), Ok(0x00FF_FFFF));
    assert_eq!(fields.i24(), Ok(-(1 << 23)));
    assert_eq!(fields.i24(), Ok((1 << 23) - 1));
    assert_eq!(fields.i24(), Ok(-1));
    assert_eq!(fields.finish(), Ok(()));
}

#[test]
fn three_byte_numbers_have_their_highest_byte_first() {
    let mut place = [0; 6];
    FieldWriter::new(&mut place).u24(0x01_02_03).unwrap().i24(-2).unwrap();
    assert_eq!(place, [1, 2, 3, 0xFF, 0xFF, 0xFE]);
    let mut fields = FieldReader::new(&place);
    assert_eq!((fields.u24(), fields.i24()), (Ok(0x01_02_03), Ok(-2)));
}

#[test]
fn fields_written_in_an_encoders_place_come_out_of_a_decoder() {
    let mut encoder = Encoder::new(U32::new(), [0; 64]);
    let place = encoder.reserve(32).unwrap();
    let len = FieldWriter::new(place).u16(7).unwrap().str_u8("Wärme").unwrap().f64(-0.5).unwrap().written();
    encoder.commit(len).unwrap();

    let mut decoder = Decoder::new(U32::new(), [0; 64]);
    let mut chunk = encoder.pending();
    let mut fields = FieldReader::new(decoder.next(&mut chunk).unwrap().unwrap());
    assert_eq!(fields.u16(), Ok(7));
    assert_eq!(fields.str_u8(), Ok("Wärme"));
    assert_eq!(fields.f64().map(f64::to_bits), Ok((-0.5_f64).to_bits()));
    assert_eq!(fields.finish(), Ok(()));
}

/// A field of each kind.
#[derive(Clone, Debug, PartialEq)]
enum Field {
    U8(u8),
    U16(u16),
    U24(u32),
    U32(u32),
    U64(u64),
    I8(i8),
    I16(i16),
    I24(i32),
    I32(i32),
    I64(i64),
    /// Floats by their bits: a NaN equals itself.
    F32(u32),
    F64(u64),
    Bool(bool),
    Array([u8; 5]),
    Fixed(Vec<u8>),
    FixedStr(String, usize),
    Bytes(u8, Vec<u8>),
    Str(u8, String),
    Skip(usize),
}

impl Field {
    fn write(&self, fields: &mut FieldWriter<'_>) -> Result<(), FieldError> {
        match self {
            Self::U8(v) => fields.u8(*v),
            Self::U16(v) => fields.u16(*v),
            Self::U24(v) => fields.u24(*v),
            Self::U32(v) => fields.u32(*v),
            Self::U64(v) => fields.u64(*v),
            Self::I8(v) => fields.i8(*v),
            Self::I16(v) => fields.i16(*v),
            Self::I24(v) => fields.i24(*v),
            Self::I32(v) => fields.i32(*v),
            Self::I64(v) => fields.i64(*v),
            Self::F32(v) => fields.f32(f32::from_bits(*v)),
            Self::F64(v) => fields.f64(f64::from_bits(*v)),
            Self::Bool(v) => fields.bool(*v),
            Self::Array(v) => fields.bytes(v),
            Self::Fixed(v) => fields.fixed(v, v.len()),
            Self::FixedStr(v, more) => fields.fixed_str(v, v.len() + more),
            Self::Bytes(1, v) => fields.bytes_u8(v),
            Self::Bytes(2, v) => fields.bytes_u16(v),
            Self::Bytes(_, v) => fields.bytes_u32(v),
            Self::Str(1, v) => fields.str_u8(v),
            Self::Str(2, v) => fields.str_u16(v),
            Self::Str(_, v) => fields.str_u32(v),
            Self::Skip(len) => fields.skip(*len),
        }
        .map(|_| ())
    }

    /// Reads a field of the same kind.
    fn read(&self, fields: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        Ok(match self {
            Self::U8(_) => Self::U8(fields.u8()?),
            Self::U16(_) => Self::U16(fields.u16()?),
            Self::U24(_) => Self::U24(fields.u24()?),
            Self::U32(_) => Self::U32(fields.u32()?),
            Self::U64(_) => Self::U64(fields.u64()?),
            Self::I8(_) => Self::I8(fields.i8()?),
            Self::I16(_) => Self::I16(fields.i16()?),
            Self::I24(_) => Self::I24(fields.i24()?),
            Self::I32(_) => Self::I32(fields.i32()?),
            Self::I64(_) => Self::I64(fields.i64()?),
            Self::F32(_) => Self::F32(fields.f32()?.to_bits()),
            Self::F64(_) => Self::F64(fields.f64()?.to_bits()),
            Self::Bool(_) => Self::Bool(fields.bool()?),
            Self::Array(_) => Self::Array(*fields.array()?),
            Self::Fixed(v) => Self::Fixed(fields.fixed(v.len())?.to_vec()),
            Self::FixedStr(v, more) => Self::FixedStr(fields.fixed_str(v.len() + more)?.to_owned(), *more),
            Self::Bytes(1, _) => Self::Bytes(1, fields.bytes_u8()?.to_vec()),
            Self::Bytes(2, _) => Self::Bytes(2, fields.bytes_u16()?.to_vec()),
            Self::Bytes(width, _) => Self::Bytes(*width, fields.bytes_u32()?.to_vec()),
            Self::Str(1, _) => Self::Str(1, fields.str_u8()?.to_owned()),
            Self::Str(2, _) => Self::Str(2, fields.str_u16()?.to_owned()),
            Self::Str(width, _) => Self::Str(*width, fields.str_u32()?.to_owned()),
            Self::Skip(len) => fields.skip(*len).map(|()| Self::Skip(*len))?,
        })
    }
}

fn any_field() -> impl Strategy<Value = Field> {
    let width = prop::sample::select(vec![1, 2, 4]);
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    // Zeros at the end of a text are taken for filling.
    let text = || "[a-zé😀\\x00]{0,12}[a-z]|".prop_map(String::from);
    prop_oneof![
        any::<u8>().prop_map(Field::U8),
        any::<u16>().prop_map(Field::U16),
        (0..1_u32 << 24).prop_map(Field::U24),
        any::<u32>().prop_map(Field::U32),
        any::<u64>().prop_map(Field::U64),
        any::<i8>().prop_map(Field::I8),
        any::<i16>().prop_map(Field::I16),
        (-(1 << 23)..1 << 23).prop_map(Field::I24),
        any::<i32>().prop_map(Field::I32),
        any::<i64>().prop_map(Field::I64),
        any::<u32>().prop_map(Field::F32),
        any::<u64>().prop_map(Field::F64),
        any::<bool>().prop_map(Field::Bool),
        any::<[u8; 5]>().prop_map(Field::Array),
        bytes().prop_map(Field::Fixed),
        (text(), 0..5_usize).prop_map(|(text, more)| Field::FixedStr(text, more)),
        (width.clone(), bytes()).prop_map(|(width, bytes)| Field::Bytes(width, bytes)),
        (width, text()).prop_map(|(width, text)| Field::Str(width, text)),
        (0..9_usize).prop_map(Field::Skip),
    ]
}

proptest! {
    #[test]
    fn what_was_written_is_read_back_and_fills_its_place_exactly(
        fields in prop::collection::vec(any_field(), 0..20),
    ) {
        let mut place = vec![0xAA; 2_000];
        let mut writer = FieldWriter::new(&mut place);
        for field in &fields {
            field.write(&mut writer).unwrap();
        }
        let payload = writer.payload().to_vec();

        let mut reader = FieldReader::new(&payload);
        for field in &fields {
            prop_assert_eq!(&field.read(&mut reader).unwrap(), field);
        }
        prop_assert_eq!(reader.offset(), payload.len());
        prop_assert_eq!(reader.finish(), Ok(()));

        // A place of this length will do, and one byte less will not.
        let mut exact = vec![0xAA; payload.len()];
        let mut writer = FieldWriter::new(&mut exact);
        prop_assert!(fields.iter().try_for_each(|field| field.write(&mut writer)).is_ok());
        prop_assert_eq!(&exact, &payload);
        if let Some(less) = payload.len().checked_sub(1) {
            let mut short = vec![0xAA; less];
            let mut writer = FieldWriter::new(&mut short);
            let error = fields.iter().try_for_each(|field| field.write(&mut writer)).unwrap_err();
            prop_assert!(matches!(error.kind, FieldErrorKind::Full { .. }), "{}", error);
            let mut reader = FieldReader::new(&payload[..less]);
            let error = fields.iter().try_for_each(|field| field.read(&mut reader).map(|_| ())).unwrap_err();
            prop_assert!(matches!(error.kind, FieldErrorKind::Missing { .. }), "{}", error);
        }
    }

    #[test]
    fn any_bytes_read_as_any_fields_never_panic_and_a_failed_read_takes_nothing(
        payload in prop::collection::vec(any::<u8>(), 0..80),
        fields in prop::collection::vec(any_field(), 0..20),
    ) {
        let mut reader = FieldReader::new(&payload);
        for (index, field) in fields.iter().enumerate() {
            let before = reader.clone();
            match field.read(&mut reader) {
                Ok(_) => prop_assert!(reader.offset() + reader.remaining() == payload.len()),
                Err(error) => {
                    prop_assert_eq!((error.index, error.offset), (index, before.offset()));
                    prop_assert_eq!((reader.offset(), reader.remaining()), (before.offset(), before.remaining()));
                    break;
                }
            }
        }
    }
}

/// Python draws formats and values, packs them, and prints a line of each: what we read from its bytes are its values, and
/// what we write for its values are its bytes. `d` lines are values that only it reads, or cuts.
const STRUCT_CASES: &str = r#"
import random, struct
draw = random.Random(4567)
limits = {"b": (-2**7, 2**7), "B": (0, 2**8), "h": (-2**15, 2**15), "H": (0, 2**16),
          "i": (-2**31, 2**31), "I": (0, 2**32), "q": (-2**63, 2**63), "Q": (0, 2**64)}
print("!hH?f10s", struct.pack("!hH?f10s", 13, 987, True, 0.3871, b"1234567890").hex(),
      13, 987, 1, repr(struct.unpack("!f", struct.pack("!f", 0.3871))[0]), b"1234567890".hex())
for _ in range(500):
    form, values, shown = "!", [], []
    for _ in range(draw.randint(1, 8)):
        kind = draw.choice("bBhHiIqQ?fdsx")
        if kind in limits:
            low, high = limits[kind]
            value = draw.choice([low, high - 1, 0, draw.randrange(low, high)])
            text = str(value)
        elif kind == "?":
            value = draw.random() < 0.5
            text = str(int(value))
        elif kind in "fd":
            value = draw.choice([0.0, -0.0, float("inf"), float("-inf"), draw.uniform(-1e9, 1e9), 2.0 ** draw.randint(-149, 127)])
            value = struct.unpack("!" + kind, struct.pack("!" + kind, value))[0]
            text = repr(value)
        elif kind == "x":
            form += "x"
            continue
        else:
            width = draw.randint(1, 12)
            value = draw.randbytes(draw.randint(0, width)).rstrip(b"\0")
            form += str(width)
            text = value.hex() or "-"
        form += kind
        values.append(value)
        shown.append(text)
    print(form, struct.pack(form, *values).hex(), *shown)
print("differs", struct.unpack("!?", b"\x02")[0], struct.pack("!3s", b"abcdef").hex())
"#;

#[test]
fn pythons_struct_reads_and_writes_the_same_bytes() {
    let Some(lines) = python(STRUCT_CASES) else { return };
    let mut cases = 0;
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (form, packed) = (words.next().unwrap(), words.next().unwrap());
        if form == "differs" {
            // Where we part: a bool of 2, and a string that is too long.
            assert_eq!((packed, words.next()), ("True", Some("616263")));
            assert!(FieldReader::new(&[2]).bool().is_err());
            assert!(FieldWriter::new(&mut [0; 8]).fixed(b"abcdef", 3).is_err());
            continue;
        }
        let packed = unhex(packed);
        let mut place = vec![0xAA; packed.len()];
        let mut writer = FieldWriter::new(&mut place);
        let mut reader = FieldReader::new(&packed);
        each_field(form, |width, kind| {
            let value = if kind == 'x' { "" } else { words.next().unwrap() };
            let field = parse(width, kind, value);
            field.write(&mut writer).unwrap_or_else(|error| panic!("{line}: {error}"));
            let read = field.read(&mut reader).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(read, field, "{line}");
        });
        reader.finish().unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(hex(&place), hex(&packed), "{line}");
        cases += 1;
    }
    assert_eq!(cases, 501);
}

fn read_header(payload: &[u8]) -> Result<(), FieldError> {
    let mut fields = FieldReader::new(payload);
    fields.i16()?;
    fields.u16()?;
    fields.bool()?;
    fields.f32()?;
    fields.fixed_str(10)?;
    fields.finish()
}

/// The fields of a `struct` format: the number before a kind, and the kind.
fn each_field(form: &str, mut field: impl FnMut(usize, char)) {
    let mut width = 0;
    for kind in form.trim_start_matches('!').chars() {
        match kind.to_digit(10) {
            Some(digit) => width = width * 10 + digit as usize,
            None => field(std::mem::take(&mut width), kind),
        }
    }
}

fn parse(width: usize, kind: char, value: &str) -> Field {
    match kind {
        'b' => Field::I8(value.parse().unwrap()),
        'B' => Field::U8(value.parse().unwrap()),
        'h' => Field::I16(value.parse().unwrap()),
        'H' => Field::U16(value.parse().unwrap()),
        'i' => Field::I32(value.parse().unwrap()),
        'I' => Field::U32(value.parse().unwrap()),
        'q' => Field::I64(value.parse().unwrap()),
        'Q' => Field::U64(value.parse().unwrap()),
        '?' => Field::Bool(value == "1"),
        'f' => Field::F32(value.parse::<f32>().unwrap().to_bits()),
        'd' => Field::F64(value.parse::<f64>().unwrap().to_bits()),
        'x' => Field::Skip(1),
        's' => {
            let mut bytes = unhex(value.trim_start_matches('-'));
            bytes.resize(width, 0);
            Field::Fixed(bytes)
        }
        other => panic!("no field of kind {other}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What Python prints for this program; `None` where there is no Python and none is required.
fn python(program: &str) -> Option<String> {
    let child = Command::new("python3").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if std::env::var_os("FRAMEWRIGHT_REQUIRE_PEERS").is_some_and(|value| value == "1") => {
            panic!("python3 is required and does not start: {error}")
        }
        Err(error) => {
            eprintln!("skipped: python3 does not start ({error})");
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "python3: {}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}
