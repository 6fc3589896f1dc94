// string and array<T> with the methods that TMInterface declares, and no others.
#pragma once

#include <angelscript.h>
#include <angelscript/scriptarray.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <sstream>
#include <string>
#include <unordered_map>

// Exits with the name of a registration that failed.
inline void must(int code, const char* what)
{
    if (code >= 0)
        return;
    std::fprintf(stderr, "host: the engine refuses %s (%d)\n", what, code);
    std::exit(4);
}

namespace text
{
class Constants : public asIStringFactory
{
public:
    const void* GetStringConstant(const char* data, asUINT length) override
    {
        return &*kept.emplace(std::string(data, length), 0).first;
    }
    int ReleaseStringConstant(const void*) override { return asSUCCESS; }
    int GetRawStringData(const void* constant, char* data, asUINT* length) const override
    {
        const auto& text = *static_cast<const std::string*>(constant);
        if (length)
            *length = asUINT(text.size());
        if (data)
            text.copy(data, text.size());
        return asSUCCESS;
    }

private:
    std::unordered_map<std::string, int> kept; // keys of a map keep their addresses
};

inline void make(std::string* at) { new (at) std::string(); }
inline void copy(const std::string& other, std::string* at) { new (at) std::string(other); }
inline void destroy(std::string* at) { at->~basic_string(); }
inline unsigned length(const std::string& text) { return unsigned(text.size()); }
inline std::string joined(const std::string& left, const std::string& right) { return left + right; }

template <typename T> std::string to_text(T value)
{
    std::ostringstream out;
    out << value;
    return out.str();
}
template <> inline std::string to_text<bool>(bool value) { return value ? "true" : "false"; }
template <typename T> std::string with(T value, const std::string& text) { return text + to_text(value); }
template <typename T> std::string before(T value, const std::string& text) { return to_text(value) + text; }

template <typename T> void register_joins(asIScriptEngine* engine, const std::string& type)
{
    must(engine->RegisterObjectMethod("string", ("string opAdd(" + type + ") const").c_str(), asFUNCTION(with<T>), asCALL_CDECL_OBJLAST), "opAdd");
    must(engine->RegisterObjectMethod("string", ("string opAdd_r(" + type + ") const").c_str(), asFUNCTION(before<T>), asCALL_CDECL_OBJLAST), "opAdd_r");
}

inline void register_type(asIScriptEngine* engine)
{
    static Constants constants;
    must(engine->RegisterObjectType("string", sizeof(std::string), asOBJ_VALUE | asGetTypeTraits<std::string>()), "string");
    must(engine->RegisterStringFactory("string", &constants), "string constants");
    must(engine->RegisterObjectBehaviour("string", asBEHAVE_CONSTRUCT, "void f()", asFUNCTION(make), asCALL_CDECL_OBJLAST), "string()");
    must(engine->RegisterObjectBehaviour("string", asBEHAVE_CONSTRUCT, "void f(const string&in)", asFUNCTION(copy), asCALL_CDECL_OBJLAST), "string(string)");
    must(engine->RegisterObjectBehaviour("string", asBEHAVE_DESTRUCT, "void f()", asFUNCTION(destroy), asCALL_CDECL_OBJLAST), "~string");
    must(engine->RegisterObjectMethod("string", "string& opAssign(const string&in)", asMETHODPR(std::string, operator=, (const std::string&), std::string&), asCALL_THISCALL), "string =");
    must(engine->RegisterObjectMethod("string", "string& opAddAssign(const string&in)", asMETHODPR(std::string, operator+=, (const std::string&), std::string&), asCALL_THISCALL), "string +=");
    must(engine->RegisterObjectMethod("string", "string opAdd(const string&in) const", asFUNCTION(joined), asCALL_CDECL_OBJFIRST), "string +");
    must(engine->RegisterObjectMethod("string", "uint get_Length() const", asFUNCTION(length), asCALL_CDECL_OBJLAST), "string length");
    register_joins<double>(engine, "double");
    register_joins<float>(engine, "float");
    register_joins<asINT64>(engine, "int64");
    register_joins<asQWORD>(engine, "uint64");
    register_joins<bool>(engine, "bool");
}
} // namespace text

namespace list
{
inline CScriptArray* make(asITypeInfo* type) { return CScriptArray::Create(type); }
inline CScriptArray* make_sized(asITypeInfo* type, asUINT length) { return CScriptArray::Create(type, length); }
inline void add(void* value, CScriptArray& array) { array.InsertLast(value); }
inline bool accepts(asITypeInfo* type, bool& no_garbage)
{
    no_garbage = true;
    return (type->GetSubTypeId() & asTYPEID_OBJHANDLE) == 0; // handles would need the garbage collector
}

// Registers a method of array<T> under its name in TMInterface.
inline void method(asIScriptEngine* engine, const char* declaration, const asSFuncPtr& function, asDWORD call)
{
    must(engine->RegisterObjectMethod("array<T>", declaration, function, call), declaration);
}

inline void register_type(asIScriptEngine* engine)
{
    must(engine->RegisterObjectType("array<class T>", 0, asOBJ_REF | asOBJ_TEMPLATE), "array");
    must(engine->RegisterObjectBehaviour("array<T>", asBEHAVE_TEMPLATE_CALLBACK, "bool f(int&in, bool&out)", asFUNCTION(accepts), asCALL_CDECL), "array<T>");
    must(engine->RegisterObjectBehaviour("array<T>", asBEHAVE_FACTORY, "array<T>@ f(int&in)", asFUNCTION(make), asCALL_CDECL), "array()");
    must(engine->RegisterObjectBehaviour("array<T>", asBEHAVE_FACTORY, "array<T>@ f(int&in, uint)", asFUNCTION(make_sized), asCALL_CDECL), "array(uint)");
    must(engine->RegisterObjectBehaviour("array<T>", asBEHAVE_ADDREF, "void f()", asMETHOD(CScriptArray, AddRef), asCALL_THISCALL), "array ref");
    must(engine->RegisterObjectBehaviour("array<T>", asBEHAVE_RELEASE, "void f()", asMETHOD(CScriptArray, Release), asCALL_THISCALL), "array release");
    method(engine, "array<T>& opAssign(const array<T>&in)", asMETHOD(CScriptArray, operator=), asCALL_THISCALL);
    method(engine, "T& opIndex(uint)", asMETHODPR(CScriptArray, At, (asUINT), void*), asCALL_THISCALL);
    method(engine, "const T& opIndex(uint) const", asMETHODPR(CScriptArray, At, (asUINT) const, const void*), asCALL_THISCALL);
    method(engine, "uint get_Length() const", asMETHOD(CScriptArray, GetSize), asCALL_THISCALL);
    method(engine, "bool IsEmpty() const", asMETHOD(CScriptArray, IsEmpty), asCALL_THISCALL);
    method(engine, "void Resize(uint)", asMETHODPR(CScriptArray, Resize, (asUINT), void), asCALL_THISCALL);
    method(engine, "void RemoveAt(uint index, uint count = 1)", asMETHOD(CScriptArray, RemoveRange), asCALL_THISCALL);
    method(engine, "void Add(const T&in)", asFUNCTION(add), asCALL_CDECL_OBJLAST);
    method(engine, "void Clear()", asFUNCTIONPR([](CScriptArray& array) { array.Resize(0); }, (CScriptArray&), void), asCALL_CDECL_OBJLAST);
}

// Returns a new array<uint8> with these bytes.
inline CScriptArray* of_bytes(asIScriptEngine* engine, const std::string& bytes)
{
    CScriptArray* array = CScriptArray::Create(engine->GetTypeInfoByDecl("array<uint8>"), asUINT(bytes.size()));
    bytes.copy(static_cast<char*>(array->GetBuffer()), bytes.size());
    return array;
}

inline std::string to_bytes(const CScriptArray& array)
{
    auto& readable = const_cast<CScriptArray&>(array);
    return {static_cast<const char*>(readable.GetBuffer()), array.GetSize()};
}
} // namespace list
