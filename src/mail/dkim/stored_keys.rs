//! Keys as OpenSSL made and stored them before signing changed to another library. Thrown away after
//! they were made: they sign nothing but these tests.

use crate::domain::signature::SignatureAlgorithm;

/// What OpenSSL made of one key; all of it in base 64.
pub struct StoredKey {
    pub algorithm: SignatureAlgorithm,
    /// PKCS #8 in DER.
    pub private_key: &'static str,
    /// As the DNS has it.
    pub public_key: &'static str,
    /// The signature of [`SIGNED`]. Both algorithms always give the same one.
    pub signature: &'static str,
}

pub const SIGNED: &[u8] = b"from:a@news.example";

pub const RSA: StoredKey = StoredKey {
    algorithm: SignatureAlgorithm::Rsa,
    private_key: "\
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDr1wJeBTzFTRJepFiRHCV7dULjmMgK\
        aLxBVwthAn3V12ZhBTQMjhAU3rYSRYz0w1mA3ML0cigA69V2wAa8Iw2zZSuJd+svxLf+YEfZP0Zj/emU\
        +ctARzwk2nFnbd7TWUBM0CuODHydw6AYTEcVyamMFberpjJ+8pFCyopNj43lp5Nr21NnhGv0T6qoB4MX\
        nnHNG0xalfP2sWOY6C82ZwrcKJep+bQdahnLuIIOgeAirBkmMChhdM0Jgmi+s0XejwpiV7JJ/EH3yjU1\
        jeUE1zXn8b0X6n7/PziduQpLL2oTTkPyfHqyUuu3g75YIINrbNsvTUOL+4TWBdr/F+TS4Yk9AgMBAAEC\
        ggEAN9e7acPXtegf92T2y7VccrU7V2TvyPcvzFDuEtRiM2ZDiamPv4FL8YUim4T4cWRoJwke6H63VjCB\
        ZRLnBVlPfzDvdCd++tqbrpHhsWE4K6kNzAaxx9CWPyuyOolbf7Pcc9O+3G28fCa8G8TD+Da9/LuPuAcs\
        Yb7SAnyu7tqVANGOvA3CVynknnB0LgcaFZ3FbUvuWJ+xlFC/JHOcz+hAc2ti5ixK5pk+b31thX2JOtvO\
        g0VZtt1KPszXQwforyioo5l/2Urk96dD3T6Ez12fCWkT2oLnmJxGETwjm9Jht3OyNCESC1JPln0DsOwr\
        5DK3snjK2Eg5oYhUPdsL7PfXSQKBgQD91kceXitw8+phEGxJvqPpuc8RC7d0wjvQmDk790emjAvej2+L\
        bsFr53S5DTmjYLYKxlZn4Jcwd2l2DeD5bW89TmtBuoINXV7R7QzENga6YpH5RHBQzvLeqA1bj1OoKkaO\
        PCSUJQE0c/nydGC9DS3M//HojD+Oaj1uEDiMYuVSewKBgQDt2XjqKHT+9JDtoVGDgZBGGlYJaX6c9x4/\
        io15Nbwbb0tOJQMY1Jl8KF3VbbdABH4qoege/pbJzcxvHOxeVwlvPSF4VX6nxqkYLjwjDaklp1sf/CVz\
        QMOt54NIt5o0w9KYYjAS9JWaN0meybgbWr0o9Nm7yRQfs1B/CzFnri7BpwKBgFBkUNnZUUDQv2ZGYUVp\
        z1fytRXc9BlSescxrs7DHjotGIVAQD+UsEWQZHNHMP4BXyZCcpMrmjaLWyc8dggJFLYB5A5JF29MJv+t\
        Z+Gsiqz1Eu4zMq8lG95QswpQdlpIKVhay+rvXVZTdNHI8epuBhdq6B6SbH6aPyJgmMg9eguJAoGAfvGM\
        6VzCZLjfCRUKTme+Oswfk1JssxXpXPxz2XdmeDYEOSbj6kK90FgzDJBMN6yuMc7L9o7mp7phHASR2yAU\
        9vvnezQWLzGGWlOC4SqPVntl1UJcMpEkXxKrLQphETxaj94HznYfynkrn8YFrwPU5aEY/HKrfOfVVJkC\
        u1Vpuw0CgYB/Up25nnUwfbg4fCpG4XuL7ISQOpVYY8XW6zS05JBHvWo2QDX2tRyMVsJVwFWuaElkGtg/\
        F7WTJUTXtjfaL4RR3rKVWF2kONZ7ZL6xUai+mYYbJIj380IJiVRkWVBWZMW8skteljkTg/+JgGOI8DDt\
        r9UrT7wMF3/a9eKCbSEGYQ==",
    public_key: "\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA69cCXgU8xU0SXqRYkRwle3VC45jICmi8QVcL\
        YQJ91ddmYQU0DI4QFN62EkWM9MNZgNzC9HIoAOvVdsAGvCMNs2UriXfrL8S3/mBH2T9GY/3plPnLQEc8\
        JNpxZ23e01lATNArjgx8ncOgGExHFcmpjBW3q6YyfvKRQsqKTY+N5aeTa9tTZ4Rr9E+qqAeDF55xzRtM\
        WpXz9rFjmOgvNmcK3CiXqfm0HWoZy7iCDoHgIqwZJjAoYXTNCYJovrNF3o8KYleySfxB98o1NY3lBNc1\
        5/G9F+p+/z84nbkKSy9qE05D8nx6slLrt4O+WCCDa2zbL01Di/uE1gXa/xfk0uGJPQIDAQAB",
    signature: "\
        njoedznrblR9MUoLIQqqdJE1rAy044GVndJYGdBqJNbSrs4Cpw2SwoHYlVwTBEHb+p2G8+BA1AOaZ+uc\
        46ZoWqu4P9YcYqqggQU8yd0ktQivW/h49SPyJF+fXLylwKeVNEKFdD6uYPG8IkOVejAPNWfRfbPIOisq\
        JaUFiaIc9ELZ1kuubwGAUtmkTpbTXrWkteYqhhodFEaiqH3eyKtHVlsgpepdO77soNLkTqIyTOG1vuE/\
        0qz571TIV6+FJifWjyvwXDySkWbgM2RuGbg8OPj50BSCR/yUThV2XL4izd74NiKgJcwu7903R+IV6jJA\
        6S7r9B/Aht96MJC5S3HIgg==",
};

pub const ED25519: StoredKey = StoredKey {
    algorithm: SignatureAlgorithm::Ed25519,
    private_key: "\
        MC4CAQAwBQYDK2VwBCIEIPM/dnP8ipCli4IJvRUu4sXleixuiJYzBss5bv+YT06A",
    public_key: "ckn+7amytxzh2Yqz8/mFUtqAR7+yH6u59LQ3ydppwFA=",
    signature: "\
        6Daha59OY/wknh8hNk7Zdfjayt8SQRjC0PMjSwbVcSUXH34/pmNBw9xvb11SMdsMiggXMbVQRcHRZSyk\
        WHUkAw==",
};
