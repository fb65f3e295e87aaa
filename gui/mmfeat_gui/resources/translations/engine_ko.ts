<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="engine.browse">
    <source>Choose a folder…</source>
    <translation>폴더 선택…</translation>
  </message>
  <message id="engine.cancel">
    <source>Cancel</source>
    <translation>취소</translation>
  </message>
  <message id="engine.comparing_pictures">
    <source>Comparing pictures</source>
    <translation>그림 비교 중</translation>
  </message>
  <message id="engine.crashed">
    <source>The process that runs the backbone ended unexpectedly ({reason}; SIGKILL often means that memory ran out). Ask again: it begins anew.</source>
    <translation>백본을 실행하던 프로세스가 예기치 않게 끝났습니다({reason}. SIGKILL은 메모리 부족인 경우가 많습니다). 다시 요청하면 새로 시작합니다.</translation>
  </message>
  <message id="engine.encoding_captions">
    <source>Encoding captions in {language}</source>
    <translation>{language} 캡션 인코딩 중</translation>
  </message>
  <message id="engine.encoding_pictures">
    <source>Encoding pictures</source>
    <translation>그림 인코딩 중</translation>
  </message>
  <message id="engine.loading_the_backbone">
    <source>Loading the backbone</source>
    <translation>백본 불러오는 중</translation>
  </message>
  <message id="engine.missing">
    <source>The backbone of this atlas is not at hand</source>
    <translation>이 아틀라스의 백본을 찾을 수 없음</translation>
  </message>
  <message id="engine.of">
    <source>{what}: {done:,} of {total:,}</source>
    <translation>{what}: {total:,}개 중 {done:,}개</translation>
  </message>
  <message id="engine.place">
    <source>Folder of the backbone, or a SPEC such as hf:openai/clip-vit-base-patch32</source>
    <translation>백본 폴더 또는 hf:openai/clip-vit-base-patch32 같은 SPEC</translation>
  </message>
  <message id="engine.progress">
    <source>Progress</source>
    <translation>진행 상황</translation>
  </message>
  <message id="engine.searching">
    <source>Searching</source>
    <translation>검색 중</translation>
  </message>
  <message id="engine.unforeseen">
    <source>The backbone could not answer: {reason}</source>
    <translation>백본이 답하지 못했습니다: {reason}</translation>
  </message>
  <message id="engine.use">
    <source>Use it</source>
    <translation>사용</translation>
  </message>
  <message id="engine.waiting">
    <source>Waiting for the backbone …</source>
    <translation>백본을 기다리는 중 …</translation>
  </message>
  <message id="engine.writing">
    <source>Writing</source>
    <translation>쓰는 중</translation>
  </message>
</context>
</TS>
